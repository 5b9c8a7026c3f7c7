"""A dataset, networks and an undisturbed run, and what the cases need to disturb others.

Every case ends with the comparison of metrics.json and predictions.json, byte by byte, with those of a run that nobody
disturbed.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import stand_ins
from command_line import draw_coco, ntt

SHARDS = 5
LEASE_SECONDS = 3


@dataclass
class Scene:
    """A dataset, networks, and what comes out when nothing happens.

    Attributes:
        root: everything is below it.
        options: of the command line.
        slurm: environment of a running SLURM, None where there is none.
    """

    root: Path
    options: list[str]
    slurm: dict[str, str] | None = None
    undisturbed: Path = field(init=False)

    def __post_init__(self) -> None:
        self.undisturbed = self.root / "undisturbed"
        done = ntt(*self.options, f"hydra.run.dir={self.undisturbed}", cwd=self.folder("plain"))
        assert done.returncode == 0, done.stderr

    def folder(self, name: str) -> Path:
        """A new working directory, and thereby a store of its own."""
        folder = self.root / name
        folder.mkdir()
        return folder

    def environment(self, cwd: Path, seconds: float, stage: str = "proposals") -> dict[str, str]:
        """Of processes that take longer over every shard (or what else a stage makes), and note which they begin."""
        return {
            **(self.slurm or os.environ),
            "PYTHONPATH": str(Path(__file__).resolve().parents[1] / "disturbed"),
            "NTT_TEST_STARTS": str(cwd / "starts"),
            "NTT_TEST_SECONDS": str(seconds),
            "NTT_TEST_STAGE": stage,
            "OMP_NUM_THREADS": "1",
        }

    def start(
        self, cwd: Path, out: str, *more: str, seconds: float = 0.6, stage: str = "proposals", **environment: str
    ) -> subprocess.Popen[str]:
        """Start a run."""
        command = [sys.executable, "-m", "ntt.run", *more, *self.options]  # -m comes before the overrides
        return subprocess.Popen(
            [*command, f"store.lease_seconds={LEASE_SECONDS}", f"hydra.{'sweep' if '-m' in more else 'run'}.dir={out}"],
            cwd=cwd,
            env={**self.environment(cwd, seconds, stage), **environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            # What the shell of a background job told us to ignore: a run would go on ignoring it.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    def patched(self, cwd: Path, code: str, *more: str) -> subprocess.CompletedProcess[str]:
        """A whole run of a program that was changed by some Python code before it began."""
        program = f"{code}\nfrom ntt.run import main\nmain()"
        command = [sys.executable, "-c", program, *self.options, *more, "hydra.run.dir=a"]
        return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)

    def same(self, *results: Path, as_in: Path | None = None) -> bool:
        """Whether these runs' results are those of the undisturbed one, or of another run."""
        expected = as_in or self.undisturbed
        names = ("metrics.json", "predictions.json")
        return all(
            (result / name).exists() and (result / name).read_bytes() == (expected / name).read_bytes()
            for result in results
            for name in names
        )


@dataclass(frozen=True)
class Outcome:
    """How a case ended: exit codes or the like, shards begun by each process in turn, whether the results agree."""

    ended: str
    begun: list[int]
    same: bool


Case = Callable[[Scene, Path], Outcome]  # its docstring is its row's name


def wait_for_shard(cwd: Path, pid: int | None = None, rank: str = "0") -> int:
    """Wait until a process has begun a shard; returns its id.

    Args:
        cwd: of the run.
        pid: which process; None: the one of this rank.
        rank: number among the processes of a SLURM job.
    """
    started = time.monotonic()
    while time.monotonic() - started < 120:
        time.sleep(0.1)
        for one, number, _ in starts(cwd):
            if pid == int(one) or (pid is None and number == rank):
                return int(one)
    raise TimeoutError(f"no shard was begun in {cwd}")


def starts(cwd: Path) -> list[list[str]]:
    """Process id, rank and key of every shard that was begun."""
    with suppress(FileNotFoundError):
        return [line.split() for line in (cwd / "starts").read_text().splitlines()]
    return []


def begun(cwd: Path) -> list[int]:
    """How many shards each process began, in the order of their first ones."""
    return list(Counter(pid for pid, _, _ in starts(cwd)).values())


def last_sentence(text: str) -> str:
    """The error of a failed process: its sentence, or the last line of its traceback."""
    lines = text.strip().splitlines() or [""]
    return next((line for line in lines if line.startswith("ntt: ")), lines[-1])


def ending(*runs: subprocess.Popen[str]) -> str:
    """Wait for some processes; their exit codes, and the error of a failed one."""
    said = [run.communicate()[1] for run in runs]
    codes = ", ".join(str(run.returncode) for run in runs)
    failed = [last_sentence(text) for run, text in zip(runs, said, strict=True) if run.returncode > 0]
    return codes + "".join(f" ({sentence})" for sentence in failed)


@contextmanager
def prepared(slurm: dict[str, str] | None) -> Iterator[Scene]:
    """A scene in a temporary folder."""
    root = Path(tempfile.mkdtemp(prefix="faults-"))
    try:
        draw_coco(root / "coco", "train", 6, seed=1)
        draw_coco(root / "coco", "val", SHARDS, seed=2)
        (root / "weights").mkdir()
        options = ["+experiment=coco_1shot", f"dataset.root={root / 'coco'}", "split=all", "store.shard_size=1"]
        networks = stand_ins.write_networks(root / "weights")
        yield Scene(root, [*options, *networks, "device=cpu", "report.pictures=1"], slurm)
    finally:
        shutil.rmtree(root, ignore_errors=True)
