"""The catalogue of bad inputs (tests/cases) as a table: each row, and the sentence that it gets.

Also a plugin of the pytest that tries them (`-p faults.inputs`): it writes what each test's errors said.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

CASES = Path(__file__).resolve().parents[1] / "cases"
_ROWS = "NTT_TEST_CATALOGUE"  # in the environment of that pytest: where its rows go
_LONGEST = 260  # characters of a sentence
_said: list[object] = []


def pytest_configure() -> None:
    """Note every InputError that is made from now on, and what runs say of input that they take."""
    from cases import scene

    from ntt.errors import InputError

    made = InputError.__init__

    def making(error: InputError, *given: Any) -> None:
        made(error, *given)
        _said.append(error)  # what it says is known when it is whole

    InputError.__init__ = making  # type: ignore[method-assign]
    opened = scene.Opened

    def noted(*given: Any) -> Any:
        found = opened(*given)
        _said.append(found.told)
        return found

    scene.Opened = noted  # type: ignore[misc]


def pytest_runtest_setup() -> None:
    """Forget what the last test's errors said."""
    _said.clear()


def pytest_runtest_logreport(report: Any) -> None:
    """A row of what was called, or left before that."""
    if report.when == "teardown" or (report.when == "setup" and report.passed):
        return
    file, _, name = report.nodeid.partition("::")
    reason = report.longrepr[-1] if report.skipped else ""
    sentence = reason or max(map(str, _said), key=len, default="")
    row = [Path(file).stem.removeprefix("test_"), name.removeprefix("test_").replace("_", " "), sentence]
    with Path(os.environ[_ROWS]).open("a", encoding="utf-8") as rows:
        rows.write(json.dumps([*row, report.outcome]) + "\n")


def catalogue() -> tuple[Table, bool]:
    """Try every row; returns the table, and whether all came out right."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows"
        command = [sys.executable, "-m", "pytest", "-q", "-p", "faults.inputs", "-p", "no:cacheprovider", str(CASES)]
        done = subprocess.run(command, env={**os.environ, _ROWS: str(file)}, cwd=CASES.parents[1], stdout=sys.stderr)
        rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    right = sum(row[-1] == "passed" for row in rows)
    table = Table(title=f"Bad inputs: {right} of {len(rows)} as they should be", title_justify="left")
    for name in ("kind", "input", "what is said", "outcome"):
        table.add_column(name, overflow="fold")
    for kind, what, sentence, outcome in rows:
        line = " ".join(sentence.split())
        shown = line if len(line) <= _LONGEST else line[:_LONGEST] + "..."
        word, colour = {"passed": ("right", "green"), "failed": ("WRONG", "red")}.get(outcome, (outcome, "yellow"))
        table.add_row(kind, Text(what), Text(shown or "(used)"), Text(word, colour))
    return table, done.returncode == 0
