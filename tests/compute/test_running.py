"""Processes are told apart by their start time: numbers are used again."""

from __future__ import annotations

import os
import subprocess
import sys

from ntt.compute.running import is_running, process_identity


def test_a_process_runs_until_it_ends_and_its_number_alone_proves_nothing() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    identity = process_identity(process.pid)
    assert is_running(process.pid)
    assert is_running(process.pid, identity)
    assert not is_running(process.pid, f"{process.pid} 1")
    process.communicate(b"\n")
    assert not is_running(process.pid)
    assert not is_running(process.pid, identity)
    assert process_identity(process.pid) == ""


def test_numbers_that_no_process_has() -> None:
    assert not is_running(2**22 + 1)
    assert not is_running(2**70)
    assert is_running(os.getppid())
