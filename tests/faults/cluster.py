"""Jobs of a real SLURM are preempted, killed, or meet their time limit."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

from command_line import ntt
from real_slurm import LAUNCHER, queue, wait_for_jobs

from faults.scene import LEASE_SECONDS, Case, Outcome, Scene, begun, ending, wait_for_shard


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


CASES: list[Case] = [preempted_job, preempted_by_submitit, killed_rank, timed_out_job]
