"""Slots of one machine: GPUs, threads, and as many processes as there are slots."""

from __future__ import annotations

import sys

import pytest

from ntt.cluster import local
from ntt.cluster.local import CONSOLE, plan_slots, run_points, visible_gpus
from ntt.errors import InputError
from ntt.sweeps.points import Point


@pytest.mark.parametrize(
    ("jobs", "gpus", "devices"),
    [
        (None, ["0", "1"], ["0", "1"]),
        (3, ["0", "1"], ["0", "1", "0"]),
        (1, ["4", "5"], ["4"]),
        (2, [], [None, None]),
    ],
)
def test_each_job_has_its_gpu(jobs, gpus, devices):
    assert [slot.get("CUDA_VISIBLE_DEVICES") for slot in plan_slots(jobs, gpus)] == devices


def test_jobs_share_the_cores_unless_the_user_said_how_many_threads(monkeypatch):
    monkeypatch.setattr(local, "usable_cores", lambda: 8)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert [slot["OMP_NUM_THREADS"] for slot in plan_slots(None, [])] == ["4", "4"]
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert {slot["OMP_NUM_THREADS"] for slot in plan_slots(4, [])} == {"3"}
    with pytest.raises(InputError, match="n_jobs=0"):
        plan_slots(0, [])


def test_the_users_choice_of_gpus_holds(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,GPU-5a")
    assert visible_gpus() == ["2", "GPU-5a"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert visible_gpus() == []


def test_a_failed_point_stops_no_other(tmp_path, monkeypatch):
    # A stand-in for `python -m ntt.run`: fails for the point whose config is named 1.
    script = tmp_path / "run.py"
    script.write_text("import os, sys; print(os.environ['SLOT']); sys.exit(3 if sys.argv[-2] == '1' else 0)")
    starter = tmp_path / "python"
    starter.write_text(f'#!/bin/sh\nshift 2\nexec {sys.executable} {script} "$@"\n')
    starter.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(starter))
    points = [Point(n, {}, tmp_path / str(n), tmp_path / "points" / f"{n}.yaml") for n in range(4)]
    finished = []
    codes = run_points(points, [{"SLOT": "a"}, {"SLOT": "b"}], lambda point, _: finished.append(point.number))
    assert codes == {0: 0, 1: 3, 2: 0, 3: 0}
    assert sorted(finished) == [0, 1, 2, 3]
    assert {(tmp_path / str(n) / CONSOLE).read_text().strip() for n in range(4)} <= {"a", "b"}
