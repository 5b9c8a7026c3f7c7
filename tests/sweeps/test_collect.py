from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from ntt.errors import InputError
from ntt.sweeps.collect import collect

METHOD = {
    "dataset": {"name": "coco", "root": "/data/coco", "download": "curl"},
    "backbone": {"name": "dinov2_vitl14"},
    "segmenter": {"name": "sam2_hiera_large", "prompt_batch": 64},
    "memory": {"context": 0.2},
    "matcher": {"merge": "soft"},
    "evaluation": {"engine": "hotcoco"},
    "precision": "fp32",
}
BASIC_SWEEPER = {"_target_": "hydra._internal.core_plugins.basic_sweeper.BasicSweeper", "params": None}


def config(**options: Any) -> dict[str, Any]:
    return {"name": "table", "shots": 1, "seed": 33, "split": "novel", **METHOD, **options}


def make_run(folder: Path, ap: float | None, **options: Any) -> Path:
    (folder / ".hydra").mkdir(parents=True)
    (folder / ".hydra" / "config.yaml").write_text(yaml.safe_dump(config(**options)))
    if ap is not None:
        (folder / "metrics.json").write_text(json.dumps({"bbox": {"AP": ap}, "per_class": {}}))
    return folder


def make_multirun(folder: Path, *task: str) -> None:
    hydra = {"sweeper": BASIC_SWEEPER, "overrides": {"task": list(task)}}
    (folder / "multirun.yaml").write_text(yaml.safe_dump({**config(), "hydra": hydra}))


def test_points_come_sorted_with_their_figures(tmp_path: Path) -> None:
    make_run(tmp_path / "0", 0.3, shots=10, seed=42)
    make_run(tmp_path / "1", 0.2, shots=2, seed=42)
    make_run(tmp_path / "2", 0.1, shots=2, seed=13)
    make_run(tmp_path / "3", 0.4, shots=5, split=["cat", "dog"])
    sweep = collect([tmp_path])
    assert [point.key for point in sweep.points] == [
        (5, 33, "cat, dog"),
        (2, 13, "novel"),
        (2, 42, "novel"),
        (10, 42, "novel"),
    ]
    assert [point.metrics["bbox"]["AP"] for point in sweep.points if point.metrics] == [0.4, 0.1, 0.2, 0.3]
    assert (sweep.names, sweep.notes) == (["table"], [])


@pytest.mark.parametrize(
    ("contents", "state"),
    [
        (None, "no metrics.json"),
        ("{", "metrics.json is damaged"),
        ("[]", "metrics.json is damaged"),
        ('{"per_class": {}}', "metrics.json has no figures"),
    ],
)
def test_a_point_without_figures_is_incomplete(tmp_path: Path, contents: str | None, state: str) -> None:
    run = make_run(tmp_path / "0", None)
    if contents is not None:
        (run / "metrics.json").write_text(contents)
    (point,) = collect([run]).points
    assert (point.metrics, point.state, point.folder) == (None, state, run)


def test_planned_points_that_never_began_are_incomplete(tmp_path: Path) -> None:
    make_run(tmp_path / "0", 0.1, shots=1, seed=33)
    make_run(tmp_path / "1", None, shots=1, seed=42)
    make_multirun(tmp_path, "+experiment=table", "shots=1,30", "seed=33,42")
    states = {point.key[:2]: point.state for point in collect([tmp_path]).points}
    assert states == {
        (1, 33): "complete",
        (1, 42): "no metrics.json",
        (30, 33): "never began",
        (30, 42): "never began",
    }


def test_a_sweep_none_of_whose_jobs_began_is_reported_too(tmp_path: Path) -> None:
    make_multirun(tmp_path, "shots=1,2")
    assert [point.state for point in collect([tmp_path]).points] == ["never began"] * 2


def test_a_complete_run_wins_over_a_newer_incomplete_one_without_a_word(tmp_path: Path) -> None:
    done = make_run(tmp_path / "old", 0.1)
    make_run(tmp_path / "new", None)
    os.utime(done / ".hydra" / "config.yaml", (0, 0))
    sweep = collect([tmp_path])
    assert [point.folder for point in sweep.points] == [done]
    assert sweep.notes == []


@pytest.mark.parametrize(("other", "word"), [(0.1, "equal"), (0.2, "DIFFERENT")])
def test_the_newest_of_two_complete_runs_is_taken_and_it_is_said(tmp_path: Path, other: float, word: str) -> None:
    newest = make_run(tmp_path / "a", 0.1)
    oldest = make_run(tmp_path / "b", other)
    os.utime(oldest / ".hydra" / "config.yaml", (0, 0))
    sweep = collect([tmp_path])
    assert [point.folder for point in sweep.points] == [newest]
    (note,) = sweep.notes
    assert word in note
    assert f"{newest} is taken" in note
    assert str(oldest) in note


def test_a_folder_reached_twice_is_read_once(tmp_path: Path) -> None:
    run = make_run(tmp_path / "sweep" / "0", 0.1)
    sweep = collect([tmp_path, tmp_path / "sweep", run])
    assert len(sweep.points) == 1
    assert sweep.notes == []


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"matcher": {"merge": "none"}}, "matcher.merge"),
        ({"backbone": {"name": "dinov2_vits14"}}, "backbone.name"),
        ({"dataset": {**METHOD["dataset"], "limit": 10}}, "dataset.limit"),  # type: ignore[dict-item]
        ({"precision": "bf16"}, "precision"),
    ],
)
def test_different_experiments_have_no_common_mean(tmp_path: Path, options: dict[str, Any], key: str) -> None:
    make_run(tmp_path / "0", 0.1)
    make_run(tmp_path / "1", 0.1, seed=42, **options)
    with pytest.raises(InputError, match=f"differ in {key} .*report them separately"):
        collect([tmp_path])


def test_what_changes_no_result_may_differ(tmp_path: Path) -> None:
    make_run(tmp_path / "0", 0.1)
    segmenter = {"name": "sam2_hiera_large", "prompt_batch": 8}
    make_run(tmp_path / "1", 0.1, seed=42, name="other", device="cuda", segmenter=segmenter, store={"root": "/s"})
    assert len(collect([tmp_path]).points) == 2


def test_what_cannot_be_a_sweep_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a folder"):
        collect([tmp_path / "absent"])
    with pytest.raises(InputError, match="holds no run"):
        collect([tmp_path])
    (make_run(tmp_path / "0", 0.1) / ".hydra" / "config.yaml").write_text("lr: 0.1\nseed: 1\n")
    with pytest.raises(InputError, match="has no name and no shots and no split, so it is no run of ntt"):
        collect([tmp_path])
    (tmp_path / "0" / ".hydra" / "config.yaml").write_text("a: [")
    with pytest.raises(InputError, match=r"config\.yaml cannot be read"):
        collect([tmp_path])


def test_a_pinned_config_equals_the_one_it_was_resolved_from(tmp_path: Path) -> None:
    plain = {**METHOD, "backbone": {"name": "b", "weights": "${weights_dir}/b.pth"}}
    plain["dataset"] = {"root": "data/coco", "references": "${.root}/train.json"}
    pinned = {**METHOD, "backbone": {"name": "b", "weights": "/elsewhere/b.pth"}}
    pinned["dataset"] = {"root": "data/coco", "references": "data/coco/train.json"}
    make_run(tmp_path / "0", 0.1, weights_dir="${oc.env:NTT_TEST_UNSET,/weights}", **plain)
    make_run(tmp_path / "1", 0.1, seed=42, **pinned)
    assert len(collect([tmp_path]).points) == 2
    make_run(tmp_path / "2", 0.1, seed=13, **{**pinned, "backbone": {"name": "b", "weights": "/elsewhere/c.pth"}})
    with pytest.raises(InputError, match=r"differ in backbone\.weights \(b\.pth and c\.pth\)"):
        collect([tmp_path])


def test_a_config_that_cannot_be_resolved_here_is_taken_as_it_is(tmp_path: Path) -> None:
    make_run(tmp_path / "0", 0.1, weights_dir="${oc.env:NTT_TEST_UNSET}")
    assert collect([tmp_path]).points[0].state == "complete"


def test_datasets_take_the_place_of_splits(tmp_path: Path) -> None:
    for number, (name, split) in enumerate([("DIOR", "all"), ("FISH", "all"), ("FISH", "novel")]):
        own = {"name": name, "references": f"{name}/1_shot.json", "targets": f"{name}/test.json"}
        make_run(tmp_path / str(number), 0.1, split=split, dataset={**METHOD["dataset"], **own})  # type: ignore[dict-item]
    sweep = collect([tmp_path])
    assert [point.split for point in sweep.points] == ["DIOR", "FISH", "FISH, novel"]
    assert (sweep.several, sweep.dataset) == (True, "")


def test_the_file_that_shots_choose_is_no_difference(tmp_path: Path) -> None:
    for shots in (1, 5):
        own = {
            "references": f"{shots}_shot.json",
            "chosen_by": ["shots"],
            "format": {"_target_": "x.Y", "shots": shots},
        }
        make_run(tmp_path / str(shots), 0.1, shots=shots, dataset={**METHOD["dataset"], **own})  # type: ignore[dict-item]
    assert [point.shots for point in collect([tmp_path]).points] == [1, 5]
    make_run(tmp_path / "2", 0.1, shots=2, dataset={**METHOD["dataset"], "references": "2_shot.json"})  # type: ignore[dict-item]
    with pytest.raises(InputError, match="differ in dataset"):
        collect([tmp_path])
