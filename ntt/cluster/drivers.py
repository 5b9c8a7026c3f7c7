"""Detached processes that run a sweep's points one after the other: also other hosts see whether one lives.

`<sweep>/drivers/<host>-<pid>/ranks/0.json` is its record, touched while it lives as that of a run is.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from ntt.processes.ranks import Rank
from ntt.processes.records import entry_of, living, record, record_file
from ntt.store.files import write_json

_FOLDER = "drivers"


@contextmanager
def driving(sweep: Path) -> Iterator[None]:
    """Be seen as the process that runs points of this sweep."""
    folder = _folder(sweep, socket.gethostname(), os.getpid())
    record(Rank(), folder, "running", {})
    try:
        yield
    finally:
        record(Rank(), folder, "done", {})


def announce(sweep: Path, pid: int) -> None:
    """Say of a process that was just started what it will say itself in a few seconds."""
    file = record_file(_folder(sweep, socket.gethostname(), pid), 0)
    if not file.exists():
        write_json(file, entry_of(pid, "running"), durable=False)


def living_elsewhere(sweep: Path, processes: Collection[tuple[str, int]]) -> set[tuple[str, int]]:
    """Those of some processes, each a host and a number, that run; watched for as long as a few touches take."""
    files = {record_file(_folder(sweep, host, pid), 0): (host, pid) for host, pid in processes}
    return {files[file] for file in living(files)}


def _folder(sweep: Path, host: str, pid: int) -> Path:
    return sweep / _FOLDER / f"{host}-{pid}"
