"""What a process keeps from one run to the next is in one object, or in this list with the reason why it is not."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = [*(ROOT / "ntt").rglob("*.py"), *(ROOT / "hydra_plugins").rglob("*.py")]

OF_FILES = "what is in a file, asked for with its state: anew when that changes"
OF_ARGUMENTS = "the same arguments always give the same"
OF_THE_MACHINE = "cannot change while the process lives"
CONSTANT = "never changes"
ALLOWED = {
    "ntt/processes/own.py: OWN": "the one object",
    "ntt/foreign/patience.py: PATIENCE": "seconds that it may still wait for file systems; OWN is in a room above",
    "ntt/feeding/device_queue.py: _this_thread": "a thread's own stream of the GPU",
    "ntt/app/photos.py: picture": OF_FILES,
    "ntt/composition/parts.py: _typed": OF_ARGUMENTS,
    "ntt/compute/collector.py: keep_what_is_loaded": "done once a process: what is loaded is loaded",
    "ntt/compute/home.py: _patterns": OF_ARGUMENTS,
    "ntt/compute/running.py: machine_identity": OF_THE_MACHINE,
    "ntt/data/episodes.py: _drawn": OF_FILES,
    "ntt/data/plugins.py: reads_heic": OF_THE_MACHINE,
    "ntt/data/readers/catalogue.py: _read_unchanged": OF_FILES,
    "ntt/feeding/runner.py: _END": CONSTANT,
    "ntt/masks/resizing.py: antialiased": OF_ARGUMENTS,
    "ntt/memory/bank.py: PUBLISHED": CONSTANT,
    "ntt/reporting/colours.py: _palette": OF_ARGUMENTS,
    "ntt/reporting/drawing.py: font": OF_ARGUMENTS,
    "ntt/stages/shards.py: _grid_digest_of_unchanged": OF_FILES,
    "ntt/stages/workspace.py: NO_STAGES": CONSTANT,
    "ntt/store/artifacts.py: _commit": "of the source that runs, which is loaded",
    "ntt/store/artifacts.py: _version": OF_THE_MACHINE,
    "ntt/store/code.py: _contents": OF_FILES,
    "ntt/store/code.py: _files": "of the source that runs, which is loaded",
    "ntt/store/code.py: _reached": "of the source that runs, which is loaded",
    "ntt/store/hashing.py: _sha256": OF_FILES,
    "ntt/store/modes.py: _shared": "whether a root is its group's: asked once a store",
}


def kept(source: str) -> Iterator[str]:
    """Names of a module by which something outlives a call: caches, globals, objects, tables that functions change."""
    tree = ast.parse(source)
    bound = {}
    for node in tree.body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        for target in targets:
            if isinstance(target, ast.Name):
                bound[target.id] = node.value
    for name, value in bound.items():
        if isinstance(value, ast.Call) and not value.args and not value.keywords:
            yield name
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            yield from node.names
        elif isinstance(node, ast.FunctionDef):
            decorators = [ast.unparse(each).split("(")[0].split(".")[-1] for each in node.decorator_list]
            if {"cache", "lru_cache"} & set(decorators):
                yield node.name
            yield from (name for name in _changed(node) if name in bound)


def _changed(function: ast.FunctionDef) -> Iterator[str]:
    """Names of which a function changes what they hold."""
    methods = ("add", "append", "clear", "enter_context", "extend", "insert", "pop", "popitem", "setdefault", "update")
    own = {node.id for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    for node in ast.walk(function):
        if isinstance(node, ast.Subscript | ast.Attribute) and isinstance(node.ctx, ast.Store | ast.Del):
            changed = node.value
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in methods:
            changed = node.func.value
        else:
            continue
        if isinstance(changed, ast.Name) and changed.id not in own:
            yield changed.id


def test_no_room_keeps_anything_that_is_not_known() -> None:
    found = {f"{file.relative_to(ROOT)}: {name}" for file in FILES for name in kept(file.read_text(encoding="utf-8"))}
    assert found - ALLOWED.keys() == set(), "give it to ntt.processes.own.OWN, or say here why not"
    assert ALLOWED.keys() - found == set(), "no longer there: take it off the list"


@pytest.mark.parametrize(
    "source",
    [
        "known = {}\ndef f(key):\n    known[key] = 1",
        "known: dict[str, int] = {}\ndef f(key):\n    known.pop(key)",
        "known = False\ndef f():\n    global known\n    known = True",
        "from functools import cache\n@cache\ndef known(): ...",
        "import functools\n@functools.lru_cache(maxsize=1)\ndef known(): ...",
        "known = ExitStack()",
    ],
)
def test_each_way_of_keeping_is_seen(source: str) -> None:
    assert set(kept(source)) == {"known"}


def test_a_table_that_nobody_changes_is_no_state() -> None:
    assert not list(kept("TABLE = {1: 2}\ndef f():\n    TABLE = {}\n    TABLE[1] = 3\n    return TABLE"))
