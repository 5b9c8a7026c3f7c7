"""A folder in use: of two runs that are told to write to the same one at the same time, the second is refused.

The kernel's lock on a file ends with its process, whatever ends that. File systems without locks are told apart by what
``ntt.processes.records`` finds at the end of a run: somebody else's record in place of its own.
"""

from __future__ import annotations

import errno
import fcntl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ntt.errors import InputError
from ntt.foreign.documents import object_or_none

_BUSY = (errno.EAGAIN, errno.EACCES)


@contextmanager
def occupied(folder: Path, lock: str, way_out: str) -> Iterator[None]:
    """Nobody else is in this block with the same folder.

    Args:
        folder: of a run, or of a sweep.
        lock: name of the lock file in it.
        way_out: the end of the sentence for who comes second.

    Raises:
        InputError: somebody else is.
    """
    file = folder / lock
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _BUSY:
                raise InputError(f"{folder} is in use{_by_whom(folder)}: {way_out}.") from error
        yield


def is_occupied(folder: Path, lock: str) -> bool:
    """Whether somebody is in such a block now, as far as the file system tells."""
    with suppress(OSError), (folder / lock).open("rb") as opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError as error:
            return error.errno in _BUSY
    return False


def _by_whom(folder: Path) -> str:
    entry = object_or_none(folder / "ranks" / "0.json") or {}
    return f" by process {entry.get('pid')} on {entry.get('host')}" if entry else ""
