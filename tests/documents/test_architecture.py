"""The rooms of ntt/ and the arrows between them are as docs/architecture.md draws them, and keep the house's rules."""

import ast
import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def script():
    spec = importlib.util.spec_from_file_location("draw_imports", ROOT / "docs/draw_imports.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def house(script, monkeypatch, tmp_path):
    """The script over a small house of two rooms; gives a function that adds a file."""

    def add(name: str, text: str) -> None:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    add("ntt/run.py", '"""Runs."""\nfrom ntt.upper import rooms\n')
    add("ntt/upper/__init__.py", '"""Above."""\n')
    add("ntt/upper/rooms.py", "def f():\n    from ntt.lower.things import thing\n")
    add("ntt/lower/__init__.py", '"""Below."""\n')
    add("ntt/lower/things.py", "from ntt.errors import InputError\n")
    add("ntt/errors.py", "")
    monkeypatch.setattr(script, "ROOT", tmp_path)
    return add


def test_the_house_keeps_its_rules(script):
    assert script.faults() == []


def test_the_drawing_is_fresh(script):
    page = script.PAGE.read_text(encoding="utf-8")
    assert script.with_drawing(page) == page, "run `make drawing` and commit docs/architecture.md"


@pytest.mark.usefixtures("house")
def test_a_small_house_is_drawn(script):
    assert script.faults() == []
    assert script.arrows() == {"lower": set(), "run": {"upper"}, "upper": {"lower"}}
    assert "| 1 | `upper` | Above. | lower |" in script.drawing()


def test_a_circle_is_named(script, house):
    house("ntt/lower/things.py", "import ntt.upper.rooms\n")
    assert script.faults() == ["Rooms import each other in a circle: lower -> upper -> lower."]


def test_a_circle_through_a_name_in_a_string_is_named(script, house):
    house("ntt/lower/things.py", 'stage = import_module(f"ntt.upper.{name}")\n')
    assert "circle" in script.faults()[0]


def test_a_module_outside_a_room_is_named(script, house):
    house("ntt/utils.py", '"""Everything."""\n')
    assert "ntt/utils.py lies outside a room" in script.faults()[0]


def test_a_long_file_and_a_silent_room_are_named(script, house):
    house("ntt/lower/things.py", "x = 1\n" * 301)
    house("ntt/lower/__init__.py", "")
    assert [sentence.split(" ")[0] for sentence in script.faults()] == ["The", "ntt/lower/things.py"]


def test_only_the_arrows_without_a_detour_are_drawn(script):
    graph = {"a": {"b", "c"}, "b": {"c"}, "c": set()}
    assert script.direct(graph) == {"a": {"b"}, "b": {"c"}, "c": set()}
    assert script.floors(graph) == {"a": 2, "b": 1, "c": 0}


def test_a_stale_drawing_is_refused(script, monkeypatch, tmp_path, capsys):
    page = tmp_path / "architecture.md"
    page.write_text(f"before\n{script.BEGIN}old\n{script.END}after\n")
    monkeypatch.setattr(script, "PAGE", page)
    monkeypatch.setattr(script, "faults", list)
    assert script.main(["--check"]) == 1
    assert "make drawing" in capsys.readouterr().err
    assert script.main([]) == 0
    assert script.main(["--check"]) == 0
    assert page.read_text().startswith("before\n")
    assert page.read_text().endswith("after\n")


def test_the_insides_of_hydra_are_imported_in_one_place():
    inside = ("hydra._internal", "omegaconf._")
    found = set()
    for file in sorted([*(ROOT / "ntt").rglob("*.py"), *(ROOT / "hydra_plugins").rglob("*.py")]):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if any(name.startswith(inside) for name in names):
                found.add(str(file.relative_to(ROOT)))
    assert found == {"ntt/sweeps/hydra_internals.py"}
