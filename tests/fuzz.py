"""Property tests with fresh seeds for a bounded time: `make fuzz`, `FUZZ_SECONDS=600 make fuzz`.

Rounds of pytest over the tests marked `fuzz`, those of the parsers of foreign bytes first, each round with a seed of
its own, until the time is over or something is found. A find is printed with the example that shows it: make that an
`@example` of its test, so that `make test` tries it ever after. Exit code 1 says that there was one.
"""

from __future__ import annotations

import os
import resource
import secrets
import subprocess
import sys
import time
from pathlib import Path

TESTS = Path(__file__).resolve().parent
SECONDS = 300.0
_MOST_MEMORY = 12 * 2**30  # address space of a round: a file that asks for more is a find, not the end of the machine
_FAILED = 1  # pytest's exit code for tests that failed; others are mistakes in how it was called


def main() -> int:
    """See the module; arguments go to pytest, as `-k checkpoint`."""
    until = time.monotonic() + float(os.environ.get("FUZZ_SECONDS") or SECONDS)
    rounds = 0
    while (left := until - time.monotonic()) > 0:
        seed = secrets.randbelow(2**32)
        code, output = one_round(seed, left, sys.argv[1:])
        if code is None:
            break
        if code != 0:
            print(output)
            print(f"fuzz: a find in round {rounds + 1}" if code == _FAILED else f"fuzz: pytest ended with {code}")
            print(f"the same again: python -m pytest {' '.join(arguments(seed, sys.argv[1:]))}")
            return 1
        rounds += 1
    print(f"fuzz: {rounds} whole rounds and a part of one, nothing found")
    return 0


def arguments(seed: int, more: list[str]) -> list[str]:
    """Of pytest, for one round."""
    chosen = ["-m", "fuzz", "--hypothesis-profile=fuzz", f"--hypothesis-seed={seed}"]
    # A parser that never ends is a find too: the traceback of where it stands is in the output.
    return [*chosen, "-p", "no:cacheprovider", "-o", "faulthandler_timeout=100", *more, "tests/foreign", "tests"]


def one_round(seed: int, seconds: float, more: list[str]) -> tuple[int | None, str]:
    """Exit code and output of pytest; code None where the time was over before it ended."""
    command = [sys.executable, "-m", "pytest", "-x", *arguments(seed, more)]
    try:
        done = subprocess.run(
            command,
            cwd=TESTS.parent,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=seconds,
            preexec_fn=_with_an_end_to_memory,
        )
    except subprocess.TimeoutExpired:
        return None, ""
    return done.returncode, done.stdout


def _with_an_end_to_memory() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY, _MOST_MEMORY))


if __name__ == "__main__":
    sys.exit(main())
