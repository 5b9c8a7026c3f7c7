"""What each of a run's processes did, and whether it still lives: `ranks/<number>.json` in the run's folder."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ntt.compute.home import shortened
from ntt.compute.running import is_running, machine_identity, process_identity
from ntt.foreign.documents import object_or_none
from ntt.processes import heartbeat
from ntt.processes.own import OWN
from ntt.processes.ranks import Rank
from ntt.store.files import write_json

log = logging.getLogger(__name__)


FOLDER = "ranks"
_POLL_SECONDS = 0.2  # between looks at what other processes recorded
_OLD_BEAT_SECONDS = 15.0  # of records that do not say
_LONGEST_BEAT_SECONDS = 60.0
_BEATS_MISSED = 4  # a record untouched for so many beats is a dead process's


def record(rank: Rank, directory: Path, state: str, stages: dict[str, Any], error: str = "") -> None:
    """Write what this process did to `ranks/<number>.json` of the run's folder.

    While it is running the file is touched every few seconds: other hosts cannot look for its process.

    Args:
        rank: of this process.
        directory: the run's folder.
        state: running, done, failed, or stopped by a signal.
        stages: outcome of each stage so far.
        error: why it failed.
    """
    file = record_file(directory, rank.number)
    entry = {**entry_of(os.getpid(), state), "launch": rank.launch, "stages": stages}
    OWN.heartbeat.show(file if state == "running" else None)
    write_json(file, {**entry, **({"error": shortened(error)} if error else {})}, durable=False)


def entry_of(pid: int, state: str) -> dict[str, Any]:
    """What a record says of a process of this machine by which others tell whether it lives."""
    return {
        "state": state,
        "host": socket.gethostname(),
        "machine": machine_identity() or socket.gethostname(),
        "pid": pid,
        "process": process_identity(pid),
        "beat": heartbeat.SECONDS,
        "stages": {},
    }


def read_record(file: Path) -> dict[str, Any] | None:
    """What :func:`record` wrote; None where the file is missing, damaged or something else."""
    entry = object_or_none(file)
    match entry:
        case {"state": "running" | "done" | "failed" | "stopped", "host": str(), "pid": int(), "stages": dict(stages)}:
            counted = stages.get("proposals", {})
            return entry if isinstance(counted, dict) and isinstance(counted.get("computed", 0), int) else None
    return None


def living(files: Iterable[Path]) -> set[Path]:
    """Those of some records whose processes run.

    On this machine their processes are looked for. Elsewhere a record has to be touched while it is watched, for as
    long as a few beats: file times are another clock's, of a file server or a host, and are compared with no clock.
    """
    unknown: dict[Path, tuple[int, float]] = {}
    alive = set()
    for file in files:
        entry = _of(file)
        if entry.get("state") != "running":
            continue
        if recorded_here(entry):
            if process_lives(entry):
                alive.add(file)
        else:
            unknown[file] = touched(file), _BEATS_MISSED * _beat(entry)
    started = time.monotonic()
    if unknown:
        hosts = ", ".join(sorted({str(_of(file).get("host")) for file in unknown}))
        longest = max(seconds for _, seconds in unknown.values())
        log.info("looking for signs of life of %s, for %.0f s at most", hosts, longest)
    while unknown:
        time.sleep(_POLL_SECONDS)
        moved = {file for file, (before, _) in unknown.items() if touched(file) != before}
        alive |= {file for file in moved if _of(file).get("state") == "running"}
        gone = {file for file, (_, seconds) in unknown.items() if time.monotonic() - started > seconds}
        unknown = {file: seen for file, seen in unknown.items() if file not in moved | gone}
    return alive


def _beat(entry: dict[str, Any]) -> float:
    match entry.get("beat"):
        case int() | float() as seconds if 0 < seconds <= _LONGEST_BEAT_SECONDS:
            return seconds
    return _OLD_BEAT_SECONDS


def touched(file: Path) -> int:
    """The file's time. It is opened first, for which NFS asks its server instead of its cache."""
    try:
        with file.open("rb") as opened:
            return os.fstat(opened.fileno()).st_mtime_ns
    except OSError:
        return 0


def recorded_here(entry: dict[str, Any]) -> bool:
    """Whether the process of a record is, or was, one of this machine and this process namespace."""
    if "machine" in entry:
        return bool(entry["machine"] == (machine_identity() or socket.gethostname()))
    return bool(entry.get("host") == socket.gethostname())


def process_lives(entry: dict[str, Any]) -> bool:
    """Whether the process of a record of this host runs; another one may have its number by now."""
    try:
        return is_running(int(entry["pid"]), entry.get("process") or "")
    except (OverflowError, KeyError, ValueError, TypeError):
        return False


def _of(file: Path) -> dict[str, Any]:
    return read_record(file) or {}


def record_file(directory: Path, number: int) -> Path:
    """Where the process of this number records what it does."""
    return directory / FOLDER / f"{number}.json"
