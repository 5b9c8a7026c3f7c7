"""Points of a sweep side by side on one machine, each on a GPU of its own or on its share of the cores."""

from __future__ import annotations

import logging
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ntt.compute.cores import usable_cores
from ntt.errors import InputError
from ntt.processes.signals import PARENT
from ntt.sweeps.points import Point

log = logging.getLogger(__name__)
CONSOLE = "console.log"  # in a point's folder: what its process said
GRACE = 30.0  # seconds that points have to close what is open
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
    running = _Running()

    def run(point: Point) -> int:
        slot = free.get()
        try:
            code = running.run(point, slot, cwd)
        finally:
            free.put(slot)
        done(point, code)
        return code

    with ThreadPoolExecutor(len(slots)) as pool:
        futures = [pool.submit(run, point) for point in points]
        try:
            codes = [future.result() for future in futures]
        except BaseException:
            for future in futures:
                future.cancel()
            running.end()
            raise
    return {point.number: code for point, code in zip(points, codes, strict=True)}


def log_outcome(point: Point, code: int) -> None:
    """Tell the log of a finished point."""
    name = f"point {point.number} ({', '.join(f'{key}={value}' for key, value in point.swept.items())})"
    if code:
        log.error("%s failed with exit code %d: see %s", name, code, point.directory / CONSOLE)
    else:
        log.info("%s is done: %s", name, point.directory)


class _Running:
    """The processes of points that run now, so that none outlives the one that started them."""

    def __init__(self) -> None:
        self._processes: set[subprocess.Popen[bytes]] = set()
        self._ended = False
        self._lock = threading.Lock()

    def run(self, point: Point, slot: dict[str, str], cwd: Path | None) -> int:
        """Run one point to its end; returns its exit code, that of SIGTERM when none is to begin any more."""
        point.directory.mkdir(parents=True, exist_ok=True)
        with (point.directory / CONSOLE).open("ab") as console:
            with self._lock:
                if self._ended:
                    return -signal.SIGTERM
                process = subprocess.Popen(
                    [sys.executable, "-m", "ntt.run", *point.arguments()],
                    cwd=cwd,
                    env={**os.environ, **slot, PARENT: str(os.getpid())},
                    stdin=subprocess.DEVNULL,
                    stdout=console,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,  # a terminal's Ctrl-C reaches us alone, and they are told by us
                )
                self._processes.add(process)
            try:
                return process.wait()
            finally:
                with self._lock:
                    self._processes.discard(process)

    def end(self) -> None:
        """Tell all to end as by Ctrl-C, and after a while no longer ask."""
        with self._lock:
            self._ended = True
            processes = list(self._processes)
        log.info("ending %d points", len(processes))
        for process in processes:
            process.terminate()
        until = time.monotonic() + GRACE
        for process in processes:
            try:
                process.wait(max(0.0, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
