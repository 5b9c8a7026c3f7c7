"""The few file operations that leases stand on: everything that a shared file system may get wrong is behind these.

A seam: :class:`LeaseFiles` is the real folder; the simulation of the tests drives leases over one that loses answers,
reads stale bytes and has no hard links.
"""

from __future__ import annotations

import os
import uuid
from pathlib import Path
from typing import Protocol

from ntt.store.modes import open_as


class Files(Protocol):
    """A flat folder of small files, shared with other hosts. All but `remove` raise OSError where they fail."""

    def read(self, name: str) -> str:
        """The file's text; of one that is being written, perhaps only a part. Raises FileNotFoundError."""

    def write(self, name: str, text: str) -> None:
        """Write a file under a name that nobody else uses."""

    def write_new(self, name: str, text: str) -> None:
        """Create a file and write it; others may see it half-written. Raises FileExistsError."""

    def link(self, name: str, target: str) -> None:
        """Give a file a second name, whole or not at all. Raises FileExistsError."""

    def links(self, name: str) -> int:
        """How many names a file has."""

    def touch(self, name: str) -> None:
        """Give it the file server's present time. Raises FileNotFoundError."""

    def touched(self, name: str) -> float:
        """When it was written or touched, by the file server's clock. Raises FileNotFoundError."""

    def replace(self, name: str, target: str) -> None:
        """Rename a file over another one."""

    def remove(self, name: str) -> None:
        """Remove a file; does nothing when it is not there."""


class LeaseFiles:
    """The real folder.

    Args:
        folder: made at the first write when it is not there.
        root: of the store, whose own mode says who else may read and write (:mod:`ntt.store.modes`).
    """

    def __init__(self, folder: Path, root: Path | None = None) -> None:
        self.folder = folder
        self._root = root or folder

    def read(self, name: str) -> str:
        return (self.folder / name).read_text(errors="replace")

    def write(self, name: str, text: str) -> None:
        if not self.folder.is_dir():
            self.folder.mkdir(parents=True, exist_ok=True)
            open_as(self._root, self.folder)
        (self.folder / name).write_text(text)
        open_as(self._root, self.folder / name)

    def write_new(self, name: str, text: str) -> None:
        with (self.folder / name).open("x") as file:
            file.write(text)
        open_as(self._root, self.folder / name)

    def link(self, name: str, target: str) -> None:
        os.link(self.folder / name, self.folder / target)

    def links(self, name: str) -> int:
        return (self.folder / name).stat().st_nlink

    def touch(self, name: str) -> None:
        os.utime(self.folder / name)

    def touched(self, name: str) -> float:
        return (self.folder / name).stat().st_mtime

    def replace(self, name: str, target: str) -> None:
        (self.folder / name).replace(self.folder / target)

    def remove(self, name: str) -> None:
        (self.folder / name).unlink(missing_ok=True)


def create(files: Files, name: str, text: str) -> bool:
    """Create a file that only one process can create, its text in it from the start where links are supported.

    Args:
        files: where.
        name: of the file.
        text: in it; no other process writes the same.

    Returns:
        False when there is one already.

    Raises:
        OSError: it can be created in neither way.
    """
    # Linked into place: a file that is created first and written then could be read half-written.
    draft = f"{name}.{uuid.uuid4().hex}.draft"
    try:
        files.write(draft, text)
        try:
            files.link(draft, name)
        except OSError as error:
            if _linked(files, draft) or _holds(files, name, text):
                return True  # it was done: the answer was lost, and the request repeated (NFS)
            if isinstance(error, FileExistsError):
                return False
            try:  # no hard links here (exFAT, object stores)
                files.write_new(name, text)
            except FileExistsError:
                return _holds(files, name, text)
        return True
    finally:
        files.remove(draft)


def move_over(files: Files, name: str, target: str, text: str) -> bool:
    """Rename over a file; False when it cannot be told that this was done.

    Args:
        files: where.
        name: of the file to rename.
        target: its new name.
        text: of the file; no other has the same.
    """
    try:
        files.replace(name, target)
    except FileNotFoundError:  # done, perhaps, and the answer lost
        return _holds(files, target, text)
    return True


def _linked(files: Files, name: str) -> bool:
    try:
        return files.links(name) > 1
    except OSError:
        return False


def _holds(files: Files, name: str, text: str) -> bool:
    try:
        return files.read(name) == text
    except OSError:
        return False
