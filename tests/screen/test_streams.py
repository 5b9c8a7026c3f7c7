"""A reader that leaves, and a terminal that lacks letters."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

CODE = """
from ntt.screen.streams import forgive_output
forgive_output()
import rich
for n in range(20000): print("line", n)
rich.print("Tässe")
import sys; print("to the end", file=sys.stderr)
"""


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_output_that_nobody_reads_ends_nothing(unbuffered):
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    command = [sys.executable, "-c", CODE]
    run = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert run.stdout is not None
    run.stdout.readline()
    run.stdout.close()
    with run:
        assert run.stderr is not None
        assert run.stderr.read() == "to the end\n"
    assert run.returncode == 0


def test_letters_beyond_the_encoding_are_escaped():
    done = subprocess.run(
        [sys.executable, "-c", CODE], env={**os.environ, "PYTHONIOENCODING": "ascii"}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("T\\xe4sse\n")
