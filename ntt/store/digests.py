"""SHA-256 of many files, remembered by size and modification time so that a second run does not read them again."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ntt.foreign.documents import object_or_none
from ntt.store.files import write_json
from ntt.store.hashing import file_sha256


class FileDigests:
    """Digests of files, with a cache in the store (one small json per folder of files).

    The cache only saves reading: a file whose size or modification time changed is read again, and a lost or broken
    cache costs nothing but time.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: dict[Path, dict[str, list]] = {}
        self._changed: set[Path] = set()

    def of(self, path: Path) -> str:
        """SHA-256 of the file's bytes, or "missing" where there is no such file (recorded, not an error)."""
        folder = path.parent.resolve()
        try:
            status = path.stat()
        except OSError:
            return "missing"
        known = self._folder(folder)
        stamp = [status.st_size, status.st_mtime_ns]
        entry = known.get(path.name)
        if entry is None or entry[:2] != stamp:
            entry = [*stamp, file_sha256(path)]
            known[path.name] = entry
            self._changed.add(folder)
        return str(entry[2])

    def save(self) -> None:
        """Write what was learnt. Concurrent writers may overwrite each other: the loser's files are read again."""
        for folder in sorted(self._changed):
            write_json(self._file(folder), self._known[folder])
        self._changed.clear()

    def _file(self, folder: Path) -> Path:
        return self._root / (hashlib.sha256(str(folder).encode()).hexdigest()[:20] + ".json")

    def _folder(self, folder: Path) -> dict[str, list]:
        if folder not in self._known:
            known = object_or_none(self._file(folder)) or {}
            self._known[folder] = {name: entry for name, entry in known.items() if _sound(entry)}
        return self._known[folder]


def _sound(entry: object) -> bool:
    """Whether it is a size, a time and a digest."""
    match entry:
        case [int(), int(), str(digest)]:
            return len(digest) == 64
    return False
