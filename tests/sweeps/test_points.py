"""Points of a sweep: enumerated as Hydra does, pinned, and run with what was pinned."""

from __future__ import annotations

from pathlib import Path

import pytest
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import OmegaConf

from ntt.config import read_config
from ntt.errors import InputError
from ntt.pipeline import tracked_as
from ntt.run import conf_folder
from ntt.sweeps.pinned_job import as_submitted
from ntt.sweeps.points import assignments, differing, pin, pinned, point_of, read_points


def sweep_of(root: Path, *overrides: str):
    loader = GlobalHydra.instance().config_loader()
    wanted = [*overrides, f"hydra.sweep.dir={root}", "hydra.mode=MULTIRUN"]
    return loader, loader.load_configuration("config", wanted, run_mode=RunMode.MULTIRUN)


@pytest.fixture(autouse=True)
def _hydra():
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        yield


def test_points_are_pinned_in_hydras_order_with_every_value_resolved(tmp_path):
    loader, sweep = sweep_of(tmp_path, "shots=1,5", "seed=33,42", "split=novel", "dataset.root=/data")
    points = pin(loader, sweep, assignments(loader, sweep))
    assert [point.swept for point in points] == [
        {"shots": shots, "seed": seed} for shots in ("1", "5") for seed in ("33", "42")
    ]
    assert [point.directory for point in points] == [tmp_path / str(number) for number in range(4)]
    config = read_points(tmp_path)[2].config()
    assert (config["shots"], config["seed"], config["split"]) == (5, 33, "novel")
    assert config["dataset"]["references"] == "/data/annotations/instances_train2017.json"
    assert "hydra" not in config


def test_a_pinned_point_composes_by_itself_to_what_was_pinned(tmp_path):
    loader, sweep = sweep_of(tmp_path, "shots=1,5", "matcher=hard,soft")
    points = pin(loader, sweep, assignments(loader, sweep))
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(points[2].file.parent), version_base="1.3"):
        alone = GlobalHydra.instance().config_loader().load_configuration("2", [], run_mode=RunMode.RUN)
    assert alone.hydra.runtime.choices["hydra/job_logging"] == "rich"
    assert {key: value for key, value in OmegaConf.to_container(alone).items() if key != "hydra"} == points[2].config()


@pytest.mark.parametrize(("asked", "drawn"), [([], 0), (["report.pictures=3"], 3), (["report.pictures=3,4"], 3)])
def test_points_draw_pictures_only_when_asked(tmp_path, asked, drawn):
    loader, sweep = sweep_of(tmp_path, "shots=1,5", *asked)
    points = pin(loader, sweep, assignments(loader, sweep))
    assert len(points) == (4 if "report.pictures=3,4" in asked else 2)
    assert points[0].config()["report"]["pictures"] == drawn
    assert points[0].swept["shots"] == "1"


def test_a_runs_folder_tells_its_point(tmp_path, monkeypatch):
    loader, sweep = sweep_of(tmp_path, "shots=1,5", "hydra.sweep.subdir=runs/${hydra.job.num}")
    points = pin(loader, sweep, assignments(loader, sweep))
    assert point_of(tmp_path / "runs" / "1") == (tmp_path, points[1])
    assert point_of(tmp_path / "runs") is None
    monkeypatch.chdir(tmp_path.parent)
    assert point_of(Path(tmp_path.name, "runs", "0")) == (tmp_path, points[0])
    assert point_of(tmp_path.parent) is None


def test_points_of_a_sweep_share_a_group_of_the_tracker_and_have_names_of_their_own(tmp_path):
    loader, sweep = sweep_of(tmp_path / "friday", "shots=1,5", "seed=33")
    points = pin(loader, sweep, assignments(loader, sweep))
    config = read_config(OmegaConf.create(points[0].config()))
    names = [tracked_as(config, point.directory) for point in points]  # as submitted, or with -m: the folder tells
    assert names == [("run/0 shots=1", "run/friday"), ("run/1 shots=5", "run/friday")]
    loader, sweep = sweep_of(tmp_path / "alone", "shots=1")
    (point,) = pin(loader, sweep, assignments(loader, sweep))
    assert tracked_as(config, point.directory) == ("run/0", "run/alone")


def test_a_run_of_no_sweep_is_grouped_by_its_name(tmp_path, monkeypatch):
    _, sweep = sweep_of(tmp_path)
    config = read_config(sweep)
    monkeypatch.setattr(HydraConfig.instance(), "cfg", sweep)
    assert tracked_as(config, tmp_path / "7") == ("run/7", f"run/{tmp_path.name}")  # a sweeper without fixed points
    sweep.hydra.mode = RunMode.RUN
    assert tracked_as(config, tmp_path / "7") == ("run/7", "run")


def test_a_new_sweep_in_an_old_folder_forgets_its_points(tmp_path):
    for shots, count in (("1,2,3", 3), ("1,2", 2)):
        loader, sweep = sweep_of(tmp_path, f"shots={shots}")
        assert len(pin(loader, sweep, assignments(loader, sweep))) == count
        assert len(read_points(tmp_path)) == count
    assert pinned(tmp_path, 2) is None


def test_batches_of_a_sweep_are_counted_on(tmp_path):
    loader, sweep = sweep_of(tmp_path, "shots=1,2,3")
    points = assignments(loader, sweep)
    pin(loader, sweep, points[:2])
    assert [point.number for point in pin(loader, sweep, points[2:], first=2)] == [2]
    assert [point.config()["shots"] for point in read_points(tmp_path)] == [1, 2, 3]


def test_a_folder_without_a_sweep_is_named(tmp_path):
    with pytest.raises(InputError, match=str(tmp_path)):
        read_points(tmp_path)


def test_differences_are_named_by_their_options():
    one = {"a": 1, "b": {"c": [1, 2], "d": None}, "e": 0}
    assert differing(one, one) == []
    assert differing(one, {"a": 1, "b": {"c": [1], "d": None}, "f": 0}) == ["b.c", "e", "f"]


def test_a_job_runs_with_what_was_submitted_and_says_what_changed(tmp_path, caplog):
    loader, sweep = sweep_of(tmp_path, "seed=33,42")
    points = pin(loader, sweep, assignments(loader, sweep))
    job = loader.load_sweep_config(sweep, ["seed=42"])
    job.hydra.job.num = 1
    job.hydra.runtime.output_dir = str(tmp_path / "1")
    task = OmegaConf.create(points[1].config())
    assert as_submitted(task, job.hydra) is task
    assert not caplog.records
    task.matcher.nms_iou = 0.123
    task.report.pictures = 3
    ran = as_submitted(task, job.hydra)
    assert OmegaConf.to_container(ran) == points[1].config()
    assert "matcher.nms_iou, report.pictures" in caplog.text
    assert OmegaConf.load(tmp_path / "1" / ".hydra" / "config.yaml") == ran


def test_a_value_that_is_missing_stays_missing_in_the_pinned_file(tmp_path):
    loader, sweep = sweep_of(tmp_path, "shots=1,5", "name=???")
    (point, _) = pin(loader, sweep, assignments(loader, sweep))
    assert point.config()["name"] == "???"
