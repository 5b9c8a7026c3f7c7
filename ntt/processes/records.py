"""What each of a run's processes did, and whether it still lives: `ranks/<number>.json` in the run's folder."""

from __future__ import annotations

import os
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from ntt.foreign.documents import object_or_none
from ntt.processes.ranks import Rank
from ntt.store.files import write_json

_POLL_SECONDS = 0.2  # between looks at what other processes recorded
_BEAT_SECONDS = 15.0  # between two touches of a running process's record
SILENT_SECONDS = 90.0  # a record untouched for so long is a dead process's; clocks may differ by the rest


def record(rank: Rank, directory: Path, state: str, stages: dict[str, Any], error: str = "") -> None:
    """Write what this process did to `ranks/<number>.json` of the run's folder.

    While it is running the file is touched every few seconds: other hosts cannot look for its process.

    Args:
        rank: of this process.
        directory: the run's folder.
        state: running, done or failed.
        stages: outcome of each stage so far.
        error: why it failed.
    """
    file = directory / "ranks" / f"{rank.number}.json"
    entry = {"state": state, "host": socket.gethostname(), "pid": os.getpid(), "stages": stages}
    _beats.show(file if state == "running" else None)
    write_json(file, {**entry, **({"error": error} if error else {})}, durable=False)


def read_record(file: Path) -> dict[str, Any] | None:
    """What :func:`record` wrote; None where the file is missing, damaged or something else."""
    entry = object_or_none(file)
    match entry:
        case {"state": "running" | "done" | "failed", "host": str(), "pid": int(), "stages": dict(stages)}:
            counted = stages.get("proposals", {})
            return entry if isinstance(counted, dict) and isinstance(counted.get("computed", 0), int) else None
    return None


def beats(file: Path) -> bool:
    """Whether the process whose record this is gave a sign of life lately."""
    try:
        return time.time() - file.stat().st_mtime < SILENT_SECONDS
    except OSError:
        return False


class _Beats:
    """A thread that touches the record of the run that this process is at."""

    def __init__(self) -> None:
        self._file: Path | None = None
        self._thread: threading.Thread | None = None

    def show(self, file: Path | None) -> None:
        """Touch this file from now on; None: nothing."""
        self._file = file
        if file and self._thread is None:
            self._thread = threading.Thread(target=self._touch_forever, name="heartbeat", daemon=True)
            self._thread.start()

    def _touch_forever(self) -> None:
        while True:
            time.sleep(_BEAT_SECONDS)
            if file := self._file:
                with suppress(OSError):
                    os.utime(file)


_beats = _Beats()


def wait_for_others(rank: Rank, directory: Path, seconds: float) -> None:
    """Let the other processes of this run come to their end, so that a failure among them is seen.

    Args:
        rank: of this process, which is done.
        directory: the run's folder.
        seconds: how long to wait for one that says nothing: it may have been killed, or never have started.
    """
    others = [directory / "ranks" / f"{number}.json" for number in range(rank.world) if number != rank.number]
    started = time.monotonic()
    while time.monotonic() - started < seconds and any(_unfinished(file) for file in others):
        time.sleep(_POLL_SECONDS)


def _unfinished(file: Path) -> bool:
    match object_or_none(file):
        case {"state": "running", "host": str(host), "pid": int(pid)}:
            return host != socket.gethostname() or _alive(pid)
        case {"state": "done" | "failed"}:
            return False
    return True


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (OSError, OverflowError):
        return False
    return True


def failures(directory: Path) -> dict[int, str]:
    """Rank -> error of the processes of this run that failed. A killed one is none: others took over its work."""
    found = {}
    for file in sorted((directory / "ranks").glob("*.json")):
        match object_or_none(file):
            case {"state": "failed", "error": error}:
                found[int(file.stem)] = str(error)
    return found
