"""What a sweep's folder and the scheduler say about each point."""

from __future__ import annotations

import json
import os
import socket
import time
from pathlib import Path

import pytest

from ntt.cluster import submissions
from ntt.cluster.status import read_status
from ntt.cluster.submissions import Submission, active_points, add_submission
from ntt.processes.ranks import Rank
from ntt.processes.records import record
from ntt.store.files import write_json

HOST = socket.gethostname()


@pytest.fixture
def sweep(tmp_path) -> Path:
    """Six points that never began."""
    index = {str(n): {"swept": {"shots": str(n)}, "directory": str(n)} for n in range(6)}
    write_json(tmp_path / "points" / "index.json", index)
    for number in range(6):
        (tmp_path / "points" / f"{number}.yaml").write_text("stages: [references, memory, proposals]\nhydra: {}\n")
    return tmp_path


def silent_for(seconds: float, file: Path) -> None:
    os.utime(file, (time.time() - seconds, time.time() - seconds))


def states(sweep: Path) -> list[str]:
    return [one.state for one in read_status(sweep)]


def test_each_state_is_told_from_what_was_recorded(sweep):
    stages = {"references": {}, "memory": {}, "proposals": {"computed": 3}}
    record(Rank(0, 2), sweep / "0", "done", stages)
    record(Rank(1, 2), sweep / "0", "done", {"proposals": {"computed": 2}})
    write_json(sweep / "0" / "metrics.json", {"bbox": {"AP": 0.25}, "segm": {"AP": 0.5}, "per_class": {}})
    record(Rank(0, 2), sweep / "1", "done", stages)
    record(Rank(1, 2), sweep / "1", "failed", {}, "MemoryError: no")
    record(Rank(), sweep / "2", "running", {"references": {}})
    dead = {"state": "running", "host": HOST, "pid": 2**22 + 1, "stages": {}}
    write_json(sweep / "3" / "ranks" / "0.json", dead)
    write_json(sweep / "4" / "ranks" / "0.json", {**dead, "host": "elsewhere"})
    silent_for(100, sweep / "4" / "ranks" / "0.json")
    found = read_status(sweep)
    assert [one.state for one in found] == ["done", "failed", "running", "stopped", "stopped", "missing"]
    assert found[0].metrics == {"bbox": 0.25, "segm": 0.5}
    assert found[0].shares == {0: 3, 1: 2}
    assert found[1].progress == "rank 1: MemoryError: no"
    assert found[2].progress == "1/3 memory"


def test_a_process_on_another_host_runs_as_long_as_it_touches_its_record(sweep):
    elsewhere = {"state": "running", "host": "elsewhere", "pid": 1, "stages": {}}
    for number, seconds in enumerate((0, 60, 100)):
        write_json(sweep / str(number) / "ranks" / "0.json", elsewhere)
        silent_for(seconds, sweep / str(number) / "ranks" / "0.json")
    write_json(sweep / "3" / "ranks" / "0.json", {**elsewhere, "host": HOST, "pid": 2**22 + 1})  # here it is not seen
    assert states(sweep)[:4] == ["running", "running", "stopped", "stopped"]


def test_slurm_knows_who_waits_and_who_runs(sweep, monkeypatch):
    add_submission(sweep, Submission("slurm", "7", "8", [0, 1, 2, 3], "login"))
    add_submission(sweep, Submission("slurm", "9", "10", [3], "login"))
    record(Rank(), sweep / "2", "failed", {}, "OSError: no")
    told = {"7_0": "RUNNING", "7_1": "PENDING", "7_2": "FAILED", "7_3": "FAILED", "9_3": "PENDING"}
    monkeypatch.setattr(submissions, "slurm_states", lambda arrays: told if arrays == ["7", "9"] else {})
    assert states(sweep) == ["running", "queued", "failed", "queued", "missing", "missing"]


def test_a_sweep_on_this_machine_waits_as_long_as_its_process_lives(sweep):
    add_submission(sweep, Submission("local_parallel", str(os.getpid()), "", [0, 1], HOST))
    add_submission(sweep, Submission("local_parallel", str(2**22 + 1), "", [2], HOST))
    assert active_points(sweep) == {0: "queued", 1: "queued"}


def test_half_of_a_record_is_no_record(sweep):
    (sweep / "0" / "ranks").mkdir(parents=True)
    (sweep / "0" / "ranks" / "0.json").write_text(json.dumps({"state": "done"})[:-3])
    assert states(sweep)[0] == "stopped"
