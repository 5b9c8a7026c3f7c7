"""A run of the command line in this process, which spares the seconds of a new one, and what it says."""

from __future__ import annotations

import io
import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from cases.scene import spoil
from hydra.core.global_hydra import GlobalHydra

from ntt.run import main

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class Said:
    """How a command ended.

    Attributes:
        code: exit code.
        text: all of standard error.
    """

    code: int
    text: str

    @property
    def sentence(self) -> str:
        """The one sentence of a refusal."""
        told = [line for line in self.text.splitlines() if line.startswith("ntt: ")]
        assert len(told) == 1, self.text
        return told[0]


@contextmanager
def _as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    before = dict(os.environ), Path.cwd(), sys.argv, [signal.getsignal(one) for one in _SIGNALS], root.handlers[:]
    level = root.level
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before[0])
        os.chdir(before[1])
        sys.argv = before[2]
        for one, handler in zip(_SIGNALS, before[3], strict=True):
            signal.signal(one, handler)
        for handler in root.handlers:
            if handler not in before[4]:
                handler.close()
        root.handlers[:] = before[4]
        root.setLevel(level)
        GlobalHydra.instance().clear()


def run_here(cwd: Path, *arguments: str, **environment: str) -> Said:
    """What `python -m ntt.run` says to these arguments in a folder.

    Any exception but an exit is a fault of ours, and raised.
    """
    said = io.StringIO()
    with _as_it_was(), redirect_stderr(said), redirect_stdout(io.StringIO()):
        os.environ.update(environment)
        os.chdir(cwd)
        sys.argv = ["ntt", *arguments]
        try:
            main()
        except SystemExit as ended:
            return Said(int(ended.code or 0), said.getvalue())
    return Said(0, said.getvalue())


def custom(*more: str) -> list[str]:
    """Arguments of a run over what :func:`cases.scene.spoil` writes in the working directory."""
    paths = ["dataset.references=refs.json", "dataset.targets=targets.json", "hydra.run.dir=out"]
    return ["+experiment=custom", *paths, "device=cpu", "report.pictures=0", *more]


def refused(cwd: Path, *arguments: str, code: int = 2, **environment: str) -> str:
    """The sentence that these arguments get, after which nothing half-done is left."""
    said = run_here(cwd, *arguments, **environment)
    assert said.code == code, said.text
    assert "Traceback" not in said.text
    for name in ("metrics.json", "predictions.json"):
        assert not (cwd / "out" / name).exists()
    partial = cwd / "outputs" / "store" / "partial"
    assert not partial.is_dir() or not list(partial.iterdir())
    return said.sentence


def prepared(cwd: Path) -> Path:
    """A sound small dataset in a folder."""
    cwd.mkdir(exist_ok=True)
    spoil(cwd)
    return cwd
