"""A process's part in a run, from its beginning to its end, and how the first one learns how the others ended."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ntt.processes.occupancy import occupied
from ntt.processes.ranks import Rank
from ntt.processes.records import FOLDER, process_lives, read_record, record, record_file, recorded_here, touched

log = logging.getLogger(__name__)

LOCK = f"{FOLDER}/run.lock"
_POLL_SECONDS = 0.2  # between looks at what other processes recorded
_SILENT_SECONDS = 2.0  # of waiting, before it is said for whom


class RunFailedElsewhere(RuntimeError):
    """This process did its part, but the run as a whole failed; the message says why."""


@contextmanager
def taking_part(rank: Rank, directory: Path, stages: dict[str, Any], patience: float) -> Iterator[None]:
    """This process's part in a run: recorded while it lasts and when it ends, however that comes.

    The first process has the folder for itself, ends after all the others, and fails when one of them did.

    Args:
        rank: of this process.
        directory: the run's folder.
        stages: outcome of each stage so far; filled inside the block.
        patience: seconds to wait at the end for a process that says nothing.

    Raises:
        InputError: another run is using the folder.
        RunFailedElsewhere: other processes of this run failed, or another run wrote to the folder.
    """
    with _for_itself(rank, directory), failure_recorded(rank, directory, stages):
        record(rank, directory, "running", stages)
        yield
        _check_own(rank, directory)
        record(rank, directory, "done", stages)
        if rank.first:
            wait_for_others(rank, directory, patience)
            if failed := failures(rank, directory):
                told = "; ".join(f"rank {number}: {error}" for number, error in failed.items())
                raise RunFailedElsewhere(
                    f"The results in {directory} are complete, but other processes of this run failed: {told}"
                )


@contextmanager
def failure_recorded(rank: Rank, directory: Path, stages: dict[str, Any]) -> Iterator[None]:
    """Whatever ends this block early is recorded, unless it was already."""
    try:
        yield
    except BaseException as error:
        ours = _entry_of(directory, rank.number)
        # The first process's own part may be done when it finds that others failed.
        if ours.get("launch") != rank.launch or ours.get("state") in (None, "running"):
            ended = "stopped" if isinstance(error, KeyboardInterrupt) else "failed"
            with suppress(OSError):  # the error itself may be that nothing can be written here
                record(rank, directory, ended, stages or ours.get("stages", {}), _said(error))
        raise


@contextmanager
def _for_itself(rank: Rank, directory: Path) -> Iterator[None]:
    if not rank.first:
        yield
        return
    with occupied(directory, LOCK, "wait for that run, or give this one another folder as hydra.run.dir"):
        yield


def _said(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split()).rstrip(": ")


def _check_own(rank: Rank, directory: Path) -> None:
    found = _entry_of(directory, rank.number)
    if found and found.get("launch") != rank.launch:
        raise RunFailedElsewhere(
            f"Another run (process {found.get('pid')} on {found.get('host')}) wrote to {directory} while this one "
            "did, so what is there may be either's: run again with a folder of its own, hydra.run.dir."
        )


def wait_for_others(rank: Rank, directory: Path, seconds: float) -> None:
    """Let the other processes of this run come to their end, so that a failure among them is seen.

    Args:
        rank: of this process, which is done.
        directory: the run's folder.
        seconds: how long to wait for one that says nothing: it may have been killed, or never have started.
    """
    others = [number for number in range(rank.world) if number != rank.number]
    last: dict[int, int] = {}
    heard = dict.fromkeys(others, time.monotonic())
    started, told = time.monotonic(), False
    while True:
        waiting = [number for number in others if _unfinished(rank, directory, number)]
        now = time.monotonic()
        for number in waiting:
            if (seen := touched(record_file(directory, number))) != last.get(number):
                last[number], heard[number] = seen, now
        waiting = [number for number in waiting if now - heard[number] < seconds]
        if not waiting:
            return
        if not told and now - started > _SILENT_SECONDS:
            until = time.strftime("%H:%M:%S", time.localtime(time.time() + seconds))
            ranks = ", ".join(map(str, waiting))
            log.info("done, waiting for rank %s: until %s unless there are signs of life", ranks, until)
            told = True
        time.sleep(_POLL_SECONDS)


def _entry(rank: Rank, directory: Path, number: int) -> dict[str, Any]:
    """What another process of this start recorded; nothing where the record is of an earlier one."""
    found = _entry_of(directory, number)
    return found if found.get("launch", rank.launch) == rank.launch else {}


def _unfinished(rank: Rank, directory: Path, number: int) -> bool:
    entry = _entry(rank, directory, number)
    if not entry:
        return True
    return entry.get("state") == "running" and (not recorded_here(entry) or process_lives(entry))


def failures(rank: Rank, directory: Path) -> dict[int, str]:
    """Rank -> error of the other processes of this run that failed, or that never took part.

    A killed one is none, only said: others took over its work.
    """
    found = {}
    for number in range(rank.world):
        entry = _entry(rank, directory, number)
        if entry.get("state") in ("failed", "stopped"):
            found[number] = str(entry.get("error", entry["state"]))
        elif not entry:
            found[number] = "it never took part: nothing was heard of it"
        elif entry.get("state") == "running" and number != rank.number:
            log.warning("rank %d on %s was killed: the others did its share", number, entry.get("host"))
    return found


def _entry_of(directory: Path, number: int) -> dict[str, Any]:
    return read_record(record_file(directory, number)) or {}
