"""The keys of cheap stages hold the source that these stages run: all of it but what only carries results about."""

from __future__ import annotations

import ast
from importlib import import_module

import pytest

from ntt import config, pipeline
from ntt.store import code

# On these a result depends by values only: the store, the screen, who runs it, errors, types of the config; and other
# stages, whose results come by their keys.
CARRIES = ("ntt", "ntt.config", "ntt.errors", "ntt.stages", "ntt.stages.stage", "ntt.stages.workspace")
NAMES = ("composition", "compute", "foreign", "processes", "screen", "store", "tracking")
SETTINGS = tuple(f"ntt.{room}.settings" for room in ("backbones", "data", "evaluation", "reporting", "segmenters"))
ROOMS = tuple(f"{name}." for name in (*(f"ntt.{room}" for room in NAMES), *SETTINGS))
STAGES = ("encodings", "evaluate", "memory", "prompt", "proposals", "references", "shards", "truth")
OTHER_STAGES = tuple(f"ntt.stages.{name}" for name in STAGES)
# Imported by what is run, but itself not run there.
NOT_RUN = {
    "match": ("ntt.data.coco", "ntt.masks.compressed", "ntt.masks.rle", "ntt.proposals"),
    "report": (),
}


def reached(start: str) -> set[str]:
    """Modules of ntt that a stage's module imports, and so on, but not through what only carries."""
    found, waiting = {start}, [start]
    while waiting:
        file = code._module_file(name := waiting.pop())
        assert file is not None
        for other in code._imported(ast.parse(file.read_bytes()), name, file.name == "__init__.py"):
            carries = other in CARRIES or f"{other}.".startswith(ROOMS) or other in OTHER_STAGES
            if other.startswith("ntt.") and other not in found and not carries and code._module_file(other):
                found.add(other)
                waiting.append(other)
    return found


@pytest.mark.parametrize("stage", ["references", "memory", "match", "evaluate", "report"])
def test_a_stage_names_all_the_source_that_it_runs(stage: str) -> None:
    module = f"ntt.stages.{stage}"
    named = tuple(f"{name}." for name in import_module(module).SOURCE)
    left = {name for name in reached(module) if not f"{name}.".startswith(named)}
    assert not {name for name in left if name not in NOT_RUN.get(stage, ())}


def test_the_table_of_contents_is_what_the_config_knows() -> None:
    assert tuple(pipeline.STAGES) == config.STAGES
