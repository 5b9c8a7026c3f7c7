from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from ntt.sweeps.plan import planned_points

KEYS = ("shots", "seed", "split")


def multirun(task: list[str], params: dict[str, str] | None = None, sweeper: str = "") -> dict[str, Any]:
    target = sweeper or "hydra._internal.core_plugins.basic_sweeper.BasicSweeper"
    hydra = {"sweeper": {"_target_": target, "params": params}, "overrides": {"task": task}}
    return {"hydra": hydra, "shots": 30, "seed": 33, "split": "novel"}


@pytest.mark.parametrize(
    "task",
    [
        ["+experiment=coco_30shot", "shots=1,2", "seed=33,42,13", "dataset.root=/data"],
        ["shots=choice(1,5)", "seed=range(0,4,2)"],
        ["seed=7"],
        ["split=novel,base", "shots=3"],
    ],
)
def test_the_plan_has_the_points_that_hydra_launches(task: list[str]) -> None:
    jobs = BasicSweeper.split_arguments(OverridesParser.create().parse_overrides(task), None)[0]
    launched = [dict(override.split("=", 1) for override in job) for job in jobs]
    defaults = {"shots": "30", "seed": "33", "split": "novel"}
    expected = [{key: job.get(key, defaults[key]) for key in KEYS} for job in launched]
    plan = [{key: str(value) for key, value in point.items()} for point in planned_points(multirun(task), KEYS)]
    assert sorted(plan, key=str) == sorted(expected, key=str)


def test_a_list_of_class_names_is_one_value() -> None:
    plan = planned_points(multirun(["split=novel,[cat,potted plant]"]), KEYS)
    assert [point["split"] for point in plan] == ["novel", ["cat", "potted plant"]]


def test_what_the_command_line_says_replaces_the_sweep_of_the_config() -> None:
    plan = planned_points(multirun(["seed=5"], {"shots": "1,2", "seed": "33,42"}), KEYS)
    assert [(point["shots"], point["seed"]) for point in plan] == [(1, 5), (2, 5)]


def test_a_sweeper_that_picks_its_points_has_no_plan() -> None:
    assert planned_points(multirun(["shots=1,2"], sweeper="optuna.Sweeper"), KEYS) == []


def test_the_sweep_of_the_published_table_has_sixty_points() -> None:
    root = Path(__file__).parents[2]
    search = f"hydra.searchpath=[file://{root}/experiments/coco_fsod/conf]"
    with initialize_config_dir(str(root / "conf"), version_base="1.3"):
        composed = compose("config", ["+experiment=coco_fsod", search], return_hydra_config=True)
    swept = OmegaConf.to_container(composed)
    assert isinstance(swept, dict)
    plan = planned_points({str(key): value for key, value in swept.items()}, KEYS)
    assert len({tuple(point.values()) for point in plan}) == 60
    assert {point["shots"] for point in plan} == {1, 2, 3, 5, 10, 30}
    assert {point["split"] for point in plan} == {"novel"}
    assert set(swept["report"]["published"]) == {1, 2, 3, 5, 10, 30}  # each point picks the figures of its shots
