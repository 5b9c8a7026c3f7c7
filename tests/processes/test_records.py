"""What becomes known of the processes of a run."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time

import pytest

from ntt.errors import InputError
from ntt.processes import heartbeat, participation, records
from ntt.processes.heartbeat import Heartbeat
from ntt.processes.own import OWN
from ntt.processes.participation import RunFailedElsewhere, failure_recorded, failures, taking_part, wait_for_others
from ntt.processes.ranks import Rank
from ntt.processes.records import living, record


def entry(directory, number=0):
    return json.loads((directory / "ranks" / f"{number}.json").read_bytes())


def test_failures_are_those_that_were_recorded_as_such(tmp_path):
    record(Rank(0, 3), tmp_path, "done", {})
    record(Rank(1, 3), tmp_path, "running", {})  # killed: it never said more
    record(Rank(2, 3), tmp_path, "running", {})
    record(Rank(2, 3), tmp_path, "failed", {}, "MemoryError: no")
    assert failures(Rank(0, 3), tmp_path) == {2: "MemoryError: no"}


def test_who_never_took_part_failed(tmp_path):
    record(Rank(0, 2), tmp_path, "done", {})
    assert "never took part" in failures(Rank(0, 2), tmp_path)[1]


def test_what_failed_in_an_earlier_start_is_not_this_ones_failure(tmp_path):
    record(Rank(1, 2, launch="earlier"), tmp_path, "failed", {}, "MemoryError: no")
    alone = Rank(0, 1, launch="now")
    with taking_part(alone, tmp_path, {}, 0.0):
        pass
    assert entry(tmp_path)["state"] == "done"


def test_the_first_process_fails_when_another_one_did(tmp_path):
    record(Rank(1, 2, launch="x"), tmp_path, "failed", {}, "OSError: no GPU")
    with (
        pytest.raises(RunFailedElsewhere, match=r"complete, but .* rank 1: OSError: no GPU"),
        taking_part(Rank(0, 2, launch="x"), tmp_path, {}, 0.0),
    ):
        pass
    assert entry(tmp_path)["state"] == "done"


def test_the_first_process_waits_until_a_late_failure_is_recorded(tmp_path):
    record(Rank(1, 2), tmp_path, "running", {})
    late = threading.Timer(0.5, record, (Rank(1, 2), tmp_path, "failed", {}, "OSError: late"))
    late.start()
    wait_for_others(Rank(0, 2), tmp_path, seconds=30)
    assert failures(Rank(0, 2), tmp_path)[1] == "OSError: late"


def test_nobody_waits_for_the_dead_or_longer_than_said(tmp_path):
    (tmp_path / "ranks").mkdir()
    killed = {"state": "running", "host": socket.gethostname(), "pid": 2**22 + 1, "stages": {}}
    (tmp_path / "ranks" / "1.json").write_text(json.dumps(killed))
    started_at = time.monotonic()
    wait_for_others(Rank(0, 2), tmp_path, seconds=30)
    assert time.monotonic() - started_at < 5
    wait_for_others(Rank(0, 3), tmp_path, seconds=0.3)  # the third never began
    assert 0.3 <= time.monotonic() - started_at < 5


def test_who_waits_says_for_whom(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(participation, "_SILENT_SECONDS", 0.0)
    with caplog.at_level("INFO"):
        wait_for_others(Rank(0, 2), tmp_path, seconds=0.5)
    assert "waiting for rank 1: until " in caplog.text


def test_a_running_process_touches_its_record_and_a_finished_one_does_not(tmp_path, monkeypatch):
    monkeypatch.setattr(heartbeat, "SECONDS", 0.02)
    monkeypatch.setattr(OWN, "heartbeat", Heartbeat())
    file = tmp_path / "ranks" / "0.json"
    record(Rank(), tmp_path, "running", {})
    os.utime(file, (1, 1))
    waited = time.monotonic()
    while file.stat().st_mtime == 1:
        assert time.monotonic() - waited < 10
        time.sleep(0.01)
    record(Rank(), tmp_path, "done", {})
    time.sleep(0.1)  # a touch that was under way
    os.utime(file, (1, 1))
    time.sleep(0.2)
    assert file.stat().st_mtime == 1


@pytest.mark.parametrize(
    ("change", "lives"),
    [
        ({}, True),
        ({"state": "done"}, False),
        ({"process": f"{os.getpid()} 1"}, False),  # another process has its number by now
        ({"pid": 2**22 + 1}, False),
        ({"pid": "x"}, False),
        ({"machine": "another boot", "beat": 0.01}, False),  # a host of our name, or a container, that says nothing
        ({"machine": "another boot", "beat": None}, False),
    ],
)
def test_a_process_of_this_machine_is_looked_for(tmp_path, change, lives, monkeypatch):
    monkeypatch.setattr(records, "_OLD_BEAT_SECONDS", 0.01)
    record(Rank(), tmp_path, "running", {})
    OWN.heartbeat.show(None)  # this process itself, which lives, would touch it
    file = tmp_path / "ranks" / "0.json"
    found = {**entry(tmp_path), **change}
    file.write_text(json.dumps({key: value for key, value in found.items() if value is not None}))
    assert living([file, tmp_path / "none"]) == ({file} if lives else set())


def test_whatever_ends_a_run_is_recorded(tmp_path):
    with pytest.raises(ValueError, match="no"), taking_part(Rank(), tmp_path, {"references": {}}, 0.0):
        raise ValueError("no")
    assert entry(tmp_path)["error"] == "ValueError: no"
    assert entry(tmp_path)["stages"] == {"references": {}}
    with pytest.raises(KeyboardInterrupt), taking_part(Rank(), tmp_path, {}, 0.0):
        raise KeyboardInterrupt
    assert entry(tmp_path)["state"] == "stopped"
    with pytest.raises(InputError), failure_recorded(Rank(launch="begun"), tmp_path, {}):
        raise InputError("shots=0")
    assert entry(tmp_path)["error"] == "InputError: shots=0"


def test_two_runs_at_once_in_one_folder_are_refused(tmp_path):
    code = (
        "import sys; from pathlib import Path; from ntt.processes.participation import taking_part\n"
        "from ntt.processes.ranks import current_rank\n"
        "with taking_part(current_rank(), Path(sys.argv[1]), {}, 0): print('in', flush=True); sys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout is not None
    assert other.stdout.readline() == "in\n"
    with (
        pytest.raises(InputError, match=f"in use by process {other.pid} on .*hydra.run.dir"),
        taking_part(Rank(launch="second"), tmp_path, {}, 0.0),
    ):
        pass
    assert entry(tmp_path)["pid"] == other.pid
    other.communicate("")
    assert other.returncode == 0
    with taking_part(Rank(launch="third"), tmp_path, {}, 0.0):
        pass
    assert entry(tmp_path)["launch"] == "third"


def test_a_folder_that_another_run_wrote_to_meanwhile_is_no_result(tmp_path):
    """As on a file system without locks."""
    with (
        pytest.raises(RunFailedElsewhere, match="Another run"),
        taking_part(Rank(launch="ours"), tmp_path, {}, 0.0),
    ):
        record(Rank(launch="theirs"), tmp_path, "running", {})
