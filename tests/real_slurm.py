"""A real SLURM of one node for the tests, where it is installed."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

HERE = Path(__file__).resolve().parent / "slurm"
PROGRAMS = ("slurmctld", "slurmd", "munged", "sbatch", "srun")
PACKAGES = "slurmctld slurmd slurm-client munge"
# Of a node without GPUs; two processes per point.
LAUNCHER = [
    *("hydra/launcher=slurm", "hydra.launcher.gpus_per_node=null", "hydra.launcher.mem_gb=null"),
    *("hydra.launcher.cpus_per_task=1", "hydra.launcher.tasks_per_node=2"),
]


def reason_against() -> str | None:
    """Why there can be no SLURM here, or None."""
    if os.geteuid() != 0:
        return "SLURM's daemons are started as root here"
    path = os.environ["PATH"] + ":/usr/sbin"
    missing = [name for name in PROGRAMS if not shutil.which(name, path=path)]
    return f"{', '.join(missing)} not installed: apt-get install {PACKAGES}" if missing else None


def free_ports(first: int = 26917) -> int:
    """The first of two ports that nobody listens at: another SLURM may run here."""
    for port in range(first, first + 2000, 10):
        with suppress(OSError), socket.socket() as one, socket.socket() as two:
            one.bind(("", port))
            two.bind(("", port + 1))
            return port
    raise OSError(f"no two ports are free from {first} on")


@contextmanager
def running_slurm(port: int = 26817) -> Iterator[dict[str, str]]:
    """Start one and stop it at the end; yields the environment in which its commands find it."""
    folder = Path(tempfile.mkdtemp(prefix="slurm-", dir="/tmp"))  # a short path, for its sockets
    environment = {
        **os.environ,
        "SLURM_CONF": str(folder / "slurm.conf"),
        "PATH": f"{HERE / 'bin'}:{os.environ['PATH']}",
        "OMP_NUM_THREADS": "1",
    }
    try:
        subprocess.run(
            [HERE / "start.sh", folder], env={**environment, "PORT": str(port)}, check=True, stdout=subprocess.DEVNULL
        )
        yield environment
    finally:
        subprocess.run([HERE / "stop.sh", folder], check=False)
        shutil.rmtree(folder, ignore_errors=True)


def wait_for_jobs(environment: dict[str, str], seconds: float = 300) -> None:
    """Wait until the queue is empty."""
    started = time.monotonic()
    while queue(environment):
        if time.monotonic() - started > seconds:
            raise TimeoutError(f"still in the queue after {seconds} s: {queue(environment)}")
        time.sleep(0.5)


def queue(environment: dict[str, str], *options: str) -> list[str]:
    """`id|state` of the jobs in the queue."""
    command = ["squeue", "--noheader", "--array", "--format=%i|%T", *options]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.split()
