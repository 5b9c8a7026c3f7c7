"""SHA-256 of many files, remembered so that a second run does not read them again."""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import stat
import time
from pathlib import Path

from ntt.foreign.documents import object_or_none
from ntt.foreign.patience import PATIENCE
from ntt.store.files import write_json
from ntt.store.hashing import file_sha256
from ntt.store.modes import open_as

log = logging.getLogger(__name__)

MISSING = "missing"
"""Stands for the digest of a file that could not be read: whatever is made of it is made of nothing."""

VERIFY = ("stat", "bytes")
_STAMP = 4  # size, modification and change time, inode
# A file may change again within one tick of its file system's clock (FAT: 2 s) and look the same.
_SETTLED_NS = 3_000_000_000


class FileDigests:
    """Digests of files, with a cache in the store (one small json per folder of files).

    The cache only saves reading: a file whose size, modification time, change time or inode changed is read again, and
    a lost or broken cache costs nothing but time. Within a run a file keeps the digest that it had first.

    Args:
        root: folder of the cache.
        verify: "stat" to trust those four; "bytes" to read every file, once in each run.
    """

    def __init__(self, root: Path, verify: str = "stat") -> None:
        self._root = root
        self._verify = verify
        self._known: dict[Path, dict[str, list]] = {}
        self._changed: set[Path] = set()
        self._of_this_run: dict[Path, str] = {}
        self._faults: dict[Path, str] = {}

    def of(self, path: Path) -> str:
        """SHA-256 of the file's bytes, or "missing" where they cannot be read: :meth:`fault` says why."""
        if path not in self._of_this_run:
            try:
                self._of_this_run[path] = PATIENCE.of(lambda: self._read(path))
            except OSError as error:
                self.lose(path, "the file does not exist" if isinstance(error, FileNotFoundError) else _told(error))
        return self._of_this_run[path]

    def fault(self, path: Path) -> str | None:
        """Why a file could not be read in this run, as the end of a sentence; None where it could."""
        return self._faults.get(path)

    def lose(self, path: Path, reason: str) -> None:
        """Treat a file as missing in the rest of this run: it cannot be read any more, or has changed."""
        self._of_this_run[path] = MISSING
        self._faults[path] = reason
        folder = path.parent.resolve()
        if self._folder(folder).pop(path.name, None):
            self._changed.add(folder)

    def save(self) -> None:
        """Write what was learnt. Concurrent writers may overwrite each other: the loser's files are read again."""
        try:
            for folder in sorted(self._changed):
                file = self._file(folder)
                write_json(file, self._known[folder])
                open_as(self._root.parent, self._root, file)
        except OSError as error:  # a cache only: what was computed is there
            log.warning("digests of files cannot be kept in %s (%s): they are read again", self._root, error.strerror)
        self._changed.clear()

    def _read(self, path: Path) -> str:
        folder = path.parent.resolve()
        known = self._folder(folder)
        before = _stamp(path)
        entry = known.get(path.name)
        if self._verify == "stat" and entry is not None and entry[:_STAMP] == before:
            return str(entry[_STAMP])
        digest = file_sha256(path)
        known.pop(path.name, None)
        settled = time.time_ns() - max(before[1], before[2]) > _SETTLED_NS
        if settled and _stamp(path) == before:
            known[path.name] = [*before, digest]
        self._changed.add(folder)
        return digest

    def _file(self, folder: Path) -> Path:
        return self._root / (hashlib.sha256(os.fsencode(folder)).hexdigest()[:20] + ".json")

    def _folder(self, folder: Path) -> dict[str, list]:
        if folder not in self._known:
            known = object_or_none(self._file(folder)) or {}
            self._known[folder] = {name: entry for name, entry in known.items() if _sound(entry)}
        return self._known[folder]


def _stamp(path: Path) -> list[int]:
    status = path.stat()
    if stat.S_ISFIFO(status.st_mode) or stat.S_ISSOCK(status.st_mode):
        raise OSError(errno.EINVAL, "it is a pipe, and no file", str(path))  # reading it would wait for ever
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]


def _told(error: OSError) -> str:
    return f"the file cannot be read ({error.strerror or error})"


def _sound(entry: object) -> bool:
    """Whether it is a stamp and a digest."""
    match entry:
        case [int(), int(), int(), int(), str(digest)]:
            return len(digest) == 64
    return False
