"""Draws which room of ntt/ imports which into docs/architecture.md, and checks the house's rules on the way.

    python docs/draw_imports.py            # write the drawing (make drawing)
    python docs/draw_imports.py --check    # exit 1 where it is stale or a rule is broken

A room is a folder of ntt/; the few modules that lie beside the rooms (`BESIDE`) count as rooms of one module. `errors`
is left out of the drawing: everything may import it. Imports inside functions and for type checkers count as well.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "architecture.md"
BEGIN, END = "<!-- begin: make drawing -->\n", "<!-- end: make drawing -->\n"

BESIDE = ("run", "pipeline", "config", "errors", "__main__", "__init__")
"""Modules that may lie directly in ntt/. The face of the library (ntt.api) joins them when it comes."""
EVERYWHERE = ("errors", "__init__")  # imported from anywhere, so not drawn
LONGEST = 300  # lines of code or text in a file

# Tables of modules, and f-strings such as f"ntt.stages.{name}". Not "ntt.run", which is a command for `python -m`.
BY_NAME = re.compile(r"ntt\.\w+\.[\w.]*")

Arrows = dict[str, set[str]]


def modules() -> dict[str, Path]:
    """Dotted name -> file, of ntt and of what Hydra loads as its plugins."""
    files = [*(ROOT / "ntt").rglob("*.py"), *(ROOT / "hydra_plugins").rglob("*.py")]
    return {".".join(file.relative_to(ROOT).with_suffix("").parts): file for file in sorted(files)}


def room_of(module: str) -> str:
    """`ntt.store.files` and `ntt.store` -> `store`; `ntt` itself -> `__init__`."""
    first, *rest = module.split(".")
    return first if first == "hydra_plugins" else (rest or ["__init__"])[0]


def imported(tree: ast.Module) -> Iterator[str]:
    """Dotted names that a module imports, by statement or, under ntt, by a name in a string."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == "ntt":
            yield from (f"ntt.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and BY_NAME.fullmatch(node.value):
            yield node.value.rstrip(".")


def arrows() -> Arrows:
    """Room -> the other rooms that it imports."""
    known = modules()
    rooms = {room_of(module) for module in known}
    found: Arrows = {room: set() for room in sorted(rooms - set(EVERYWHERE))}
    for module, file in known.items():
        room = room_of(module)
        if room in EVERYWHERE:
            continue
        names = imported(ast.parse(file.read_text(encoding="utf-8")))
        others = {room_of(name) for name in names if name.split(".")[0] == "ntt"}
        found[room] |= (others & set(found)) - {room}
    return found


def circle(graph: Arrows) -> list[str]:
    """Rooms that import each other around, the first one again at the end; empty where there is none."""
    done: set[str] = set()

    def visit(room: str, path: list[str]) -> list[str]:
        if room in path:
            return [*path[path.index(room) :], room]
        if room in done:
            return []
        for other in sorted(graph[room]):
            if found := visit(other, [*path, room]):
                return found
        done.add(room)
        return []

    for room in sorted(graph):
        if found := visit(room, []):
            return found
    return []


def faults() -> list[str]:
    """Sentences about broken rules: circles, modules outside a room, rooms without a word about them, long files."""
    found = []
    if around := circle(arrows()):
        found.append(f"Rooms import each other in a circle: {' -> '.join(around)}.")
    for file in sorted((ROOT / "ntt").glob("*.py")):
        if file.stem not in BESIDE:
            found.append(f"ntt/{file.name} lies outside a room: move it into one, or add it to BESIDE with a reason.")
    for room in arrows():
        if not says(room):
            found.append(f"The room {room} has no docstring that says what it holds.")
    for folder in ("ntt", "hydra_plugins", "experiments", "docs", "tests"):
        for file in sorted(f for f in (ROOT / folder).rglob("*") if f.suffix in (".py", ".md")):
            if (lines := len(file.read_text(encoding="utf-8").splitlines())) > LONGEST:
                found.append(f"{file.relative_to(ROOT)} has {lines} lines, {LONGEST} at most: split it.")
    return found


def says(room: str) -> str:
    """The first paragraph of a room's docstring, on one line."""
    place = ROOT / "hydra_plugins/ntt_launchers" if room == "hydra_plugins" else ROOT / "ntt" / room
    file = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    docstring = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) if file.exists() else None
    return " ".join((docstring or "").split("\n\n")[0].split())


def floors(graph: Arrows) -> dict[str, int]:
    """Room -> the number of arrows on its longest way down. Only for a graph without circles."""
    heights: dict[str, int] = {}

    def height(room: str) -> int:
        if room not in heights:
            heights[room] = max((1 + height(other) for other in graph[room]), default=0)
        return heights[room]

    for room in graph:
        height(room)
    return heights


def direct(graph: Arrows) -> Arrows:
    """The arrows that no way over another room replaces: few enough to look at."""
    below: Arrows = {}
    for room in sorted(graph, key=floors(graph).__getitem__):
        below[room] = graph[room].union(*(below[other] for other in graph[room]))
    return {room: {o for o in others if not any(o in below[p] for p in others)} for room, others in graph.items()}


def drawing() -> str:
    """Mermaid and a table: what stands between the two marks of the page."""
    graph = arrows()
    height, few = floors(graph), direct(graph)
    rooms = sorted(graph, key=lambda room: (-height[room], room))
    lines = ["```mermaid", "flowchart TD"]
    lines += [f"  {room} --> {other}" for room in rooms for other in sorted(few[room])]
    lines += [f"  {room}" for room in rooms if not few[room] and not any(room in others for others in few.values())]
    lines += ["```", "", "| floor | room | what it holds | imports |", "|---|---|---|---|"]
    for room in rooms:
        names = ", ".join(sorted(graph[room])) or "-"
        lines.append(f"| {height[room]} | `{room}` | {says(room).replace('|', '/').replace('``', '`')} | {names} |")
    count = sum(map(len, graph.values()))
    lines += ["", f"{len(graph)} rooms on {1 + max(height.values())} floors, {count} arrows, all of them downwards."]
    return "\n".join(lines) + "\n"


def with_drawing(page: str) -> str:
    """The page with today's drawing between its marks."""
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    return before + BEGIN + drawing() + END + after


def main(arguments: list[str]) -> int:
    broken = faults()
    if not circle(arrows()):  # there is no drawing of floors with one
        page = PAGE.read_text(encoding="utf-8")
        fresh = with_drawing(page)
        if "--check" not in arguments:
            PAGE.write_text(fresh, encoding="utf-8")
        elif fresh != page:
            broken.append("The drawing in docs/architecture.md is stale: run `make drawing` and commit it.")
    for sentence in broken:
        print(sentence, file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
