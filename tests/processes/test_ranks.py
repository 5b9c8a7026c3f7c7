"""Which process of a run this is, and what becomes known of the others."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time

import pytest

from ntt.processes.ranks import Rank, current_rank, started
from ntt.processes.records import _Beats, beats, failures, record, wait_for_others

VARIABLES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID", "SLURM_STEP_ID")


@pytest.mark.parametrize(
    ("environment", "rank"),
    [
        ({}, Rank(0, 1, 0)),
        ({"RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1"}, Rank(3, 4, 1)),
        ({"SLURM_PROCID": "1", "SLURM_NTASKS": "2", "SLURM_LOCALID": "1", "SLURM_STEP_ID": "0"}, Rank(1, 2, 1)),
        ({"SLURM_PROCID": "0", "SLURM_NTASKS": "8", "SLURM_LOCALID": "0"}, Rank(0, 1, 0)),  # a shell in an allocation
        ({"RANK": "1", "WORLD_SIZE": "2"}, Rank(0, 1, 0)),  # somebody else's variable
    ],
)
def test_the_rank_is_what_the_launcher_says(monkeypatch, environment, rank):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert current_rank() == rank


@pytest.mark.parametrize(("gpus", "device"), [(0, "auto"), (1, "auto"), (2, "cuda:1"), (3, "cuda:0")])
def test_each_process_of_a_host_gets_a_gpu_of_its_own(monkeypatch, gpus, device):
    monkeypatch.setattr("torch.cuda.device_count", lambda: gpus)
    assert Rank(number=3, world=4, local=3).device("auto") == device
    assert Rank(number=3, world=4, local=3).device("cpu") == "cpu"
    assert Rank().device("auto") == "auto"


def test_failures_are_those_that_were_recorded_as_such(tmp_path):
    assert failures(tmp_path) == {}
    record(Rank(0, 3), tmp_path, "done", {})
    record(Rank(1, 3), tmp_path, "running", {})  # killed: it never said more
    record(Rank(2, 3), tmp_path, "running", {})
    record(Rank(2, 3), tmp_path, "failed", {}, "MemoryError: no")
    assert failures(tmp_path) == {2: "MemoryError: no"}


def test_the_first_process_waits_until_a_late_failure_is_recorded(tmp_path):
    record(Rank(1, 2), tmp_path, "running", {})
    late = threading.Timer(0.5, record, (Rank(1, 2), tmp_path, "failed", {}, "OSError: late"))
    late.start()
    wait_for_others(Rank(0, 2), tmp_path, seconds=30)
    assert failures(tmp_path) == {1: "OSError: late"}


def test_nobody_waits_for_the_dead_or_longer_than_said(tmp_path):
    (tmp_path / "ranks").mkdir()
    killed = {"state": "running", "host": socket.gethostname(), "pid": 2**22 + 1}
    (tmp_path / "ranks" / "1.json").write_text(json.dumps(killed))
    started_at = time.monotonic()
    wait_for_others(Rank(0, 2), tmp_path, seconds=30)
    assert time.monotonic() - started_at < 5
    wait_for_others(Rank(0, 3), tmp_path, seconds=0.3)  # the third never began
    assert 0.3 <= time.monotonic() - started_at < 5


def test_the_start_of_a_run_is_that_of_its_first_process_for_all_that_torchrun_starts(monkeypatch):
    ours = started("%s")
    monkeypatch.setattr("ntt.processes.ranks.time.time", lambda: 0.0)  # when it is asked must not matter
    assert started("%s") == ours
    assert 0 <= time.clock_gettime(time.CLOCK_REALTIME) - int(ours) < 24 * 3600
    code = "from ntt.processes.ranks import started; print(started('%s'))"
    environment = {**os.environ, "TORCHELASTIC_RUN_ID": "one"}
    children = [
        subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    assert [child.strip() for child in children] == [ours, ours]


def test_a_running_process_touches_its_record_and_a_finished_one_does_not(tmp_path, monkeypatch):
    monkeypatch.setattr("ntt.processes.records._BEAT_SECONDS", 0.02)
    monkeypatch.setattr("ntt.processes.records._beats", _Beats())
    file = tmp_path / "ranks" / "0.json"
    record(Rank(), tmp_path, "running", {})
    os.utime(file, (1, 1))
    assert not beats(file)
    waited = time.monotonic()
    while not beats(file):
        assert time.monotonic() - waited < 10
        time.sleep(0.01)
    record(Rank(), tmp_path, "done", {})
    time.sleep(0.1)  # a touch that was under way
    os.utime(file, (1, 1))
    time.sleep(0.2)
    assert not beats(file)
    assert not beats(tmp_path / "none")
