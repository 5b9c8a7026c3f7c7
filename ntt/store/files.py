"""Files that are never seen half-written."""

from __future__ import annotations

import filecmp
import json
import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]

_FICLONE = 0x40049409  # of linux/fs.h: have the same blocks stand behind both files until one is written


def write_atomically(path: Path, data: bytes, durable: bool = True) -> None:
    """Write `data` so that `path` either keeps its old contents or has all of the new ones.

    Args:
        path: of the file; its folder is made when it is not there.
        data: the new contents.
        durable: also where the power fails at once; False for what only tells how a run went, written many times.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".partial-{path.name}-{writer()}")
    try:
        with partial.open("wb") as file:
            file.write(data)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        _take_its_place(partial, path, lambda: path.read_bytes() == data)
    finally:
        partial.unlink(missing_ok=True)


def write_json(path: Path, value: Any, durable: bool = True) -> None:
    """Write JSON atomically, sorted and indented: equal values give equal bytes; see :func:`write_atomically`."""
    write_atomically(path, (json.dumps(value, indent=1, sort_keys=True) + "\n").encode(), durable)


def share(file: Path, target: Path) -> None:
    """Put a file of the store elsewhere, as a file of its own: whoever edits it there changes nothing here.

    The disk space is shared until then where the file system can (reflinks of btrfs, XFS and others).
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".partial-{target.name}-{writer()}")
    try:
        if not _cloned(file, partial):
            shutil.copyfile(file, partial)
        _take_its_place(partial, target, lambda: filecmp.cmp(file, target, shallow=False))
    finally:
        partial.unlink(missing_ok=True)


def _take_its_place(partial: Path, path: Path, done: Callable[[], bool]) -> None:
    """Rename over a file; where the answer was lost, and the repeated request refused (NFS), it may be done."""
    try:
        partial.replace(path)
    except FileNotFoundError:
        if partial.exists() or not path.exists() or not done():
            raise


def _cloned(file: Path, target: Path) -> bool:
    if fcntl is None:
        return False
    try:
        with file.open("rb") as source, target.open("wb") as clone:
            fcntl.ioctl(clone.fileno(), _FICLONE, source.fileno())
    except OSError:
        return False
    return True


def writer() -> str:
    """Names this process among all that write to a shared folder."""
    return f"{socket.gethostname()}-{os.getpid()}"
