"""Signals end what was started, too."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

CODE = """
import sys
from ntt.processes.signals import Terminated, end_as_by_ctrl_c
end_as_by_ctrl_c()
try:
    print("in", flush=True)
    sys.stdin.read()
except Terminated as error:
    print("closed after", error, error.number)
"""
CHILD = """
import os, signal
from ntt.processes.signals import end_as_by_ctrl_c, end_with_parent
end_as_by_ctrl_c(); end_with_parent()
try: print(os.getpid(), flush=True); signal.pause()
except KeyboardInterrupt as error: print("ended by", error, flush=True)
"""
PARENT = f"""
import os, subprocess, sys
os.environ["NTT_PARENT"] = str(os.getpid())
subprocess.Popen([sys.executable, "-c", {CHILD!r}], start_new_session=True).wait()
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_what_is_open_is_closed(number):
    run = subprocess.Popen([sys.executable, "-c", CODE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert run.stdout is not None
    run.stdout.readline()
    run.send_signal(number)
    assert run.communicate()[0] == f"closed after {number.name} {int(number)}\n"


def test_what_nohup_ignores_stays_ignored():
    run = subprocess.Popen(
        ["nohup", sys.executable, "-c", CODE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert run.stdout is not None
    run.stdout.readline()
    run.send_signal(signal.SIGHUP)
    assert run.communicate()[0] == b""
    assert run.returncode == 0


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone tells a process of its parent's death")
def test_a_process_ends_with_the_one_that_started_it():
    run = subprocess.Popen([sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert run.stdout is not None
    child = int(run.stdout.readline())
    os.kill(run.pid, signal.SIGKILL)
    assert run.communicate()[0] == "ended by SIGTERM\n"  # at the end of its output it has ended
    assert child != run.pid
