"""The sha256 of a file: how checkpoints and annotation files enter fingerprints."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

_CHUNK = 1 << 20


def file_sha256(path: str | Path) -> str:
    """Hex sha256 of the file's bytes, read in 1 MiB pieces so that its size does not matter.

    Raises OSError where the file cannot be read.
    """
    digest = hashlib.sha256()
    with Path(path).open("rb") as file:
        while piece := file.read(_CHUNK):
            digest.update(piece)
    return digest.hexdigest()


def known_sha256(path: Path) -> str:
    """As :func:`file_sha256`, but a file that did not change since this process read it is not read again.

    The points of a sweep all check the same proposals, which are gigabytes.
    """
    status = path.stat()
    return _sha256(path, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


@lru_cache(maxsize=1 << 16)
def _sha256(path: Path, *stamp: int) -> str:
    del stamp  # part of the cache's key only
    return file_sha256(path)
