"""What a sweep's folder and the scheduler say about each point."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ntt.cluster import submissions
from ntt.cluster.drivers import announce, driving
from ntt.cluster.status import PointStatus, read_status, status_table
from ntt.cluster.submissions import Submission, active_points, add_submission
from ntt.processes.ranks import Rank
from ntt.processes.records import living, read_record, record
from ntt.screen.tables import show_table
from ntt.store.files import write_json
from ntt.sweeps.points import Point

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


@contextmanager
def touching(file: Path, clock: float = 0) -> Iterator[None]:
    """Touch a file again and again, as a process of another host does."""
    over = threading.Event()

    def touch() -> None:
        while not over.wait(0.05):
            if file.exists():
                silent_for(-clock, file)

    thread = threading.Thread(target=touch)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


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
    write_json(sweep / "4" / "ranks" / "0.json", {**dead, "host": "elsewhere", "beat": 0.05})
    found = read_status(sweep)
    assert [one.state for one in found] == ["done", "failed", "running", "stopped", "stopped", "missing"]
    assert found[0].metrics == {"bbox": 0.25, "segm": 0.5}
    assert found[0].shares == {0: 3, 1: 2}
    assert found[1].progress == "rank 1: MemoryError: no"
    assert found[2].progress == "1/3 memory"


@pytest.mark.parametrize("clock", [-300.0, 0.0, 300.0])
def test_a_process_on_another_host_runs_as_long_as_it_touches_its_record_whatever_its_clock_says(sweep, clock):
    elsewhere = {"state": "running", "host": "elsewhere", "pid": 1, "stages": {}, "beat": 0.2}
    files = [sweep / str(number) / "ranks" / "0.json" for number in range(2)]
    for file in files:
        write_json(file, elsewhere)
        silent_for(-clock, file)
    with touching(files[0], clock):
        assert states(sweep)[:2] == ["running", "stopped"]


def test_who_was_stopped_by_a_signal_has_not_failed(sweep):
    record(Rank(), sweep / "0", "stopped", {}, "Terminated: SIGTERM")
    assert states(sweep)[0] == "stopped"


def test_what_failed_in_an_earlier_attempt_is_forgotten(sweep):
    record(Rank(1, 2, launch="first"), sweep / "0", "failed", {}, "OSError: no")
    record(Rank(0, 1, launch="second"), sweep / "0", "done", {})
    assert states(sweep)[0] == "done"


def test_names_are_text_and_no_cell_is_cut_off_a_terminal(tmp_path, capsys):
    what = "cup [/can] [red]" + "x" * 200
    point = Point(0, {"split": what}, tmp_path, tmp_path)
    show_table(status_table("sweep[/]", [PointStatus(point, "failed", "host", "error [/x]", {}, {})]))
    shown = capsys.readouterr().out
    assert f"split={what}" in shown
    assert "error [/x]" in shown


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


@pytest.mark.parametrize("known", [True, False], ids=["recorded", "without a record"])
def test_a_sweep_on_another_host_waits_as_long_as_its_process_touches_its_record(sweep, known):
    add_submission(sweep, Submission("local_parallel", "17", "", [0, 1], "elsewhere"))
    add_submission(sweep, Submission("local_parallel", "18", "", [2], "elsewhere"))
    files = [sweep / "drivers" / f"elsewhere-{pid}" / "ranks" / "0.json" for pid in (17, 18)]
    for file in files if known else ():
        write_json(file, {"state": "running", "host": "elsewhere", "pid": 17, "stages": {}, "beat": 0.2})
    with touching(files[0]):
        assert active_points(sweep) == ({0: "queued", 1: "queued"} if known else {})
        assert states(sweep)[:3] == (["queued", "queued", "missing"] if known else ["missing"] * 3)


def test_the_process_that_runs_a_sweep_is_recorded_while_it_does(sweep):
    announce(sweep, os.getpid())
    (file,) = (sweep / "drivers").glob("*/ranks/0.json")
    assert read_record(file)["state"] == "running"
    with driving(sweep):
        assert living([file]) == {file}
        announce(sweep, os.getpid())  # later than its own record: says nothing
    assert read_record(file)["state"] == "done"
    assert len(list((sweep / "drivers").iterdir())) == 1


def test_half_of_a_record_is_no_record(sweep):
    (sweep / "0" / "ranks").mkdir(parents=True)
    (sweep / "0" / "ranks" / "0.json").write_text(json.dumps({"state": "done"})[:-3])
    assert states(sweep)[0] == "stopped"
