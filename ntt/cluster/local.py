"""Points of a sweep side by side on one machine, each on a GPU of its own or on its share of the cores."""

from __future__ import annotations

import logging
import os
import queue
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ntt.compute.cores import usable_cores
from ntt.errors import InputError
from ntt.sweeps.points import Point

log = logging.getLogger(__name__)
CONSOLE = "console.log"  # in a point's folder: what its process said
_CORES_PER_JOB = 4  # where there is no GPU and nobody says how many jobs


def plan_slots(jobs: int | None, gpus: Sequence[str]) -> list[dict[str, str]]:
    """The environment of each place where a job can run.

    Args:
        jobs: places wanted; None: one per GPU, or without GPUs one per four cores.
        gpus: names of the GPUs for CUDA_VISIBLE_DEVICES; more jobs than GPUs share them in turn.

    Raises:
        InputError: fewer than one job is wanted.
    """
    cores = usable_cores()
    count = jobs if jobs is not None else len(gpus) or max(1, cores // _CORES_PER_JOB)
    if count < 1:
        raise InputError(f"hydra.launcher.n_jobs={count} is not possible: give a number above 0, or null.")
    threads = os.environ.get("OMP_NUM_THREADS") or str(max(1, cores // count))
    slots = []
    for place in range(count):
        gpu = {"CUDA_VISIBLE_DEVICES": gpus[place % len(gpus)]} if gpus else {}
        slots.append({"OMP_NUM_THREADS": threads, **gpu})
    return slots


def visible_gpus() -> list[str]:
    """Names of this machine's GPUs, or of those that CUDA_VISIBLE_DEVICES leaves us."""
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None:
        return [name.strip() for name in chosen.split(",") if name.strip() not in ("", "-1")]
    import torch

    return [str(number) for number in range(torch.cuda.device_count())]


def run_points(
    points: Sequence[Point],
    slots: Sequence[dict[str, str]],
    done: Callable[[Point, int], None],
    cwd: Path | None = None,
) -> dict[int, int]:
    """Run each point as a process of its own, as many at once as there are slots.

    Args:
        points: to run; a failed one does not keep the others from running.
        slots: as planned by :func:`plan_slots`.
        done: told of each finished point and its exit code, from several threads.
        cwd: where relative paths count from; None: here.

    Returns:
        Exit code of each point, by its number; of one ended by a signal, the signal's negative number.
    """
    free: queue.Queue[dict[str, str]] = queue.Queue()
    for slot in slots:
        free.put(slot)

    def run(point: Point) -> int:
        slot = free.get()
        try:
            code = _run(point, slot, cwd)
        finally:
            free.put(slot)
        done(point, code)
        return code

    with ThreadPoolExecutor(len(slots)) as pool:
        codes = list(pool.map(run, points))
    return {point.number: code for point, code in zip(points, codes, strict=True)}


def log_outcome(point: Point, code: int) -> None:
    """Tell the log of a finished point."""
    name = f"point {point.number} ({', '.join(f'{key}={value}' for key, value in point.swept.items())})"
    if code:
        log.error("%s failed with exit code %d: see %s", name, code, point.directory / CONSOLE)
    else:
        log.info("%s is done: %s", name, point.directory)


def _run(point: Point, slot: dict[str, str], cwd: Path | None) -> int:
    point.directory.mkdir(parents=True, exist_ok=True)
    with (point.directory / CONSOLE).open("ab") as console:
        return subprocess.run(
            [sys.executable, "-m", "ntt.run", *point.arguments()],
            cwd=cwd,
            env={**os.environ, **slot},
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=subprocess.STDOUT,
            check=False,
        ).returncode
