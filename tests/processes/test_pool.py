"""What a killed process of a pool was to do is done all the same, and in the same order."""

from __future__ import annotations

import os
import signal
from functools import partial

import pytest

from ntt.processes import pool
from ntt.processes.pool import ProcessPool


def nothing() -> None:
    pass


def double(number: int, parent: int, killed: int) -> int:
    if number == killed and os.getpid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)
    return 2 * number


@pytest.mark.parametrize("killed", [None, 0, 13, 29])
def test_a_killed_process_costs_nothing_but_time(caplog, killed):
    numbers = list(range(30))
    work = partial(double, parent=os.getpid(), killed=killed)
    processes = ProcessPool()
    assert list(processes.map(work, numbers, 2, nothing)) == [2 * number for number in numbers]
    assert ("was killed" in caplog.text) == (killed is not None)
    processes.close()


def test_without_processes_the_work_is_done_all_the_same(caplog, monkeypatch):
    def none_left(*_: object) -> None:
        raise OSError(28, "No space left on device")  # of /dev/shm

    monkeypatch.setattr(pool, "ProcessPoolExecutor", none_left)
    assert list(ProcessPool().map(abs, [-1, -2], 2, nothing)) == [1, 2]
    assert "no 2 processes can be had (No space left on device)" in caplog.text
