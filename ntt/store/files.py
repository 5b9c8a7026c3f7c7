"""Files that are never seen half-written."""

from __future__ import annotations

import json
import os
import shutil
import socket
from pathlib import Path
from typing import Any


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
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_json(path: Path, value: Any, durable: bool = True) -> None:
    """Write JSON atomically, sorted and indented: equal values give equal bytes; see :func:`write_atomically`."""
    write_atomically(path, (json.dumps(value, indent=1, sort_keys=True) + "\n").encode(), durable)


def share(file: Path, target: Path) -> None:
    """Show a file of the store at another place: as a hard link where the file system can, else as a copy."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        os.link(file, target)
    except OSError:
        shutil.copyfile(file, target)


def writer() -> str:
    """Names this process among all that write to a shared folder."""
    return f"{socket.gethostname()}-{os.getpid()}"
