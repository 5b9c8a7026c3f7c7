"""What runs survive: `python tests/faults.py` disturbs real processes and a real SLURM and prints a table.

Every case ends with the comparison of metrics.json and predictions.json, byte by byte, with those of a run that nobody
disturbed. Exit code 1 when one differs.
"""

from __future__ import annotations

import json
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
from real_slurm import LAUNCHER, queue, reason_against, running_slurm, wait_for_jobs
from rich.console import Console
from rich.table import Table

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

    def environment(self, cwd: Path, seconds: float) -> dict[str, str]:
        """Of processes that take longer over every shard, and note which shards they begin."""
        return {
            **(self.slurm or os.environ),
            "PYTHONPATH": str(Path(__file__).resolve().parent / "disturbed"),
            "NTT_TEST_STARTS": str(cwd / "starts"),
            "NTT_TEST_SECONDS": str(seconds),
            "OMP_NUM_THREADS": "1",
        }

    def start(self, cwd: Path, out: str, *more: str, seconds: float = 0.6) -> subprocess.Popen[str]:
        """Start a run."""
        command = [sys.executable, "-m", "ntt.run", *more, *self.options]  # -m comes before the overrides
        return subprocess.Popen(
            [*command, f"store.lease_seconds={LEASE_SECONDS}", f"hydra.{'sweep' if '-m' in more else 'run'}.dir={out}"],
            cwd=cwd,
            env=self.environment(cwd, seconds),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def same(self, *results: Path) -> bool:
        """Whether these runs' results are those of the undisturbed one."""
        names = ("metrics.json", "predictions.json")
        return all(
            (result / name).exists() and (result / name).read_bytes() == (self.undisturbed / name).read_bytes()
            for result in results
            for name in names
        )


@dataclass(frozen=True)
class Outcome:
    """How a case ended: exit codes or the like, shards begun by each process in turn, whether the results agree."""

    ended: str
    begun: list[int]
    same: bool


def killed_worker(scene: Scene, cwd: Path) -> Outcome:
    """kill -9 of one of two workers in the middle of a shard"""
    first, second = scene.start(cwd, "a"), scene.start(cwd, "b")
    wait_for_shard(cwd, first.pid)
    first.kill()
    ended = ending(first, second)
    again = ntt(*scene.options, "hydra.run.dir=a", cwd=cwd)  # who was killed comes back
    return Outcome(f"{ended}; again {again.returncode}", begun(cwd), scene.same(cwd / "a", cwd / "b"))


def frozen_worker(scene: Scene, cwd: Path) -> Outcome:
    """SIGSTOP of one of two workers in a shard, for longer than its lease, then SIGCONT"""
    first, second = scene.start(cwd, "a"), scene.start(cwd, "b")
    wait_for_shard(cwd, first.pid)
    first.send_signal(signal.SIGSTOP)
    ended = ending(second)  # it takes the frozen one's shard over, and ends without it
    first.send_signal(signal.SIGCONT)
    return Outcome(f"{ended}, {ending(first)}", begun(cwd), scene.same(cwd / "a", cwd / "b"))


def two_sweeps(scene: Scene, cwd: Path) -> Outcome:
    """two sweeps of two points, started at once on one store"""
    sweeps = [scene.start(cwd, out, "-m", "shots=1,2") for out in ("a", "b")]
    ended = ending(*sweeps)
    equal = (cwd / "a/1/metrics.json").read_bytes() == (cwd / "b/1/metrics.json").read_bytes()
    return Outcome(ended, begun(cwd), equal and scene.same(cwd / "a/0", cwd / "b/0"))


def full_disk(scene: Scene, cwd: Path) -> Outcome:
    """the store's disk is full after some shards; a rerun after it was made larger"""
    disk = cwd / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", disk], check=True)
    try:
        full = scene.start(cwd, "a", f"store.root={disk}", seconds=0)
        ended = ending(full)
        subprocess.run(["mount", "-o", "remount,size=200m", disk], check=True)
        again = ntt(*scene.options, "hydra.run.dir=a", f"store.root={disk}", cwd=cwd)
        return Outcome(f"{ended}; again {again.returncode}", begun(cwd), scene.same(cwd / "a"))
    finally:
        subprocess.run(["umount", disk], check=True)


def preempted_job(scene: Scene, cwd: Path) -> Outcome:
    """SLURM: USR2 to a submitted job of two processes in the middle of a shard; it requeues itself"""
    submit(scene, cwd, seconds=1)
    wait_for_shard(cwd)
    subprocess.run(["scancel", "--batch", "--signal=USR2", job_of(scene)], env=scene.slurm, check=True)
    return finished(scene, cwd)


def preempted_by_submitit(scene: Scene, cwd: Path) -> Outcome:
    """SLURM: USR2 to a job of two processes of `-m hydra/launcher=slurm`; submitit requeues it"""
    driver = scene.start(cwd, "sweep", "-m", *LAUNCHER, "seed=33", seconds=1)
    wait_for_shard(cwd)
    subprocess.run(["scancel", "--signal=USR2", job_of(scene)], env=scene.slurm, check=True)
    ended = ending(driver)
    requeued = sum(log.read_text().count("Requeued job") for log in (cwd / "sweep/.submitit").rglob("*.err"))
    return Outcome(f"{ended}, requeued {requeued} x", begun(cwd), scene.same(cwd / "sweep/0"))


def timed_out_job(scene: Scene, cwd: Path) -> Outcome:
    """SLURM: a job that meets its time limit of a minute; it requeues itself"""
    # SLURM tells it up to half a minute early: a shard has to fit into what is left.
    submit(scene, cwd, "hydra.launcher.timeout_min=1", "hydra.launcher.signal_delay_s=10", seconds=11)
    return finished(scene, cwd)


def killed_rank(scene: Scene, cwd: Path) -> Outcome:
    """SLURM: kill -9 of one of a job's two processes in the middle of a shard"""
    submit(scene, cwd, seconds=1)
    os.kill(wait_for_shard(cwd, rank="1"), signal.SIGKILL)
    return finished(scene, cwd)


PLAIN: list[Callable[[Scene, Path], Outcome]] = [killed_worker, frozen_worker, two_sweeps, full_disk]
SLURM: list[Callable[[Scene, Path], Outcome]] = [preempted_job, preempted_by_submitit, killed_rank, timed_out_job]


def submit(scene: Scene, cwd: Path, *more: str, seconds: float) -> None:
    """`ntt sweep submit` of a single point."""
    command = ["sweep", "submit", *scene.options, *LAUNCHER, "seed=33", f"store.lease_seconds={LEASE_SECONDS}"]
    done = ntt(*command, *more, "hydra.sweep.dir=sweep", cwd=cwd, **scene.environment(cwd, seconds))
    assert done.returncode == 0, done.stderr


def job_of(scene: Scene) -> str:
    """Id of the one job that runs."""
    assert scene.slurm is not None
    (line,) = queue(scene.slurm, "--states=RUNNING")
    return line.split("|")[0]


def finished(scene: Scene, cwd: Path) -> Outcome:
    """Wait until SLURM has nothing more to do for a submitted point."""
    assert scene.slurm is not None
    wait_for_jobs(scene.slurm)
    log = "".join(file.read_text() for file in (cwd / "sweep/slurm").glob("*.log"))
    array = json.loads((cwd / "sweep/submissions.json").read_bytes())[0]["job"]
    state = queue(scene.slurm, "--states=all", f"--jobs={array}")[0].split("|")[1]
    requeued = log.count("back in the queue")
    return Outcome(f"{state}, requeued {requeued} x", begun(cwd), scene.same(cwd / "sweep/0"))


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


def ending(*runs: subprocess.Popen[str]) -> str:
    """Wait for some processes; their exit codes, and the error of a failed one."""
    said = [run.communicate()[1] for run in runs]
    codes = ", ".join(str(run.returncode) for run in runs)
    failed = [text.strip().splitlines() for run, text in zip(runs, said, strict=True) if run.returncode > 0]
    return codes + "".join(f" ({next((x for x in lines if x.startswith('ntt: ')), lines[-1])})" for lines in failed)


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


def play(scene: Scene, cases: list[Callable[[Scene, Path], Outcome]], table: Table) -> bool:
    """Add a row per case; returns whether all came out as undisturbed."""
    good = True
    for case in cases:
        began = time.monotonic()
        try:
            outcome = case(scene, scene.folder(case.__name__))
        except (OSError, subprocess.SubprocessError, AssertionError) as error:
            outcome = Outcome(f"{type(error).__name__}: {error}", [], same=False)
        counts = " + ".join(map(str, outcome.begun))
        verdict = "[green]identical[/]" if outcome.same else "[red]DIFFERENT[/]"
        table.add_row(str(case.__doc__), outcome.ended, counts, f"{time.monotonic() - began:.0f} s", verdict)
        good &= outcome.same
    return good


def main() -> int:
    """Play every case that can be played here."""
    table = Table(title=f"Faults ({SHARDS} shards of proposals)", title_justify="left", show_lines=True)
    for name in ("disturbance", "ended with", "shards begun by each process", "took", "results"):
        table.add_column(name)
    plain = [case for case in PLAIN if case is not full_disk or os.geteuid() == 0]
    reason = reason_against()
    if reason:
        with prepared(None) as scene:
            good = play(scene, plain, table)
    else:
        with running_slurm(port=26917) as slurm, prepared(slurm) as scene:
            good = play(scene, plain + SLURM, table)
    Console(width=150).print(table)
    if reason:
        print(f"without the {len(SLURM)} cases on SLURM: {reason}")
    if len(plain) < len(PLAIN):
        print("without the full disk: mounting one needs root")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
