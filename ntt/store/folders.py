"""The few folder operations that artifacts stand on; a seam, as :mod:`ntt.store.lease_files` is for leases."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from ntt.compute.home import without_home
from ntt.foreign.patience import PATIENCE
from ntt.store.files import write_json
from ntt.store.hashing import file_sha256
from ntt.store.modes import open_as

MANIFEST = "manifest.json"
# Only one process can remove it, and whoever takes a folder away takes it along: who removed it owns the folder.
_BEGUN = ".begun"


class Folders:
    """Folders that are seen whole or not at all."""

    def exists(self, folder: Path) -> bool:
        """Whether there is one."""
        return folder.is_dir()

    def matching(self, parent: Path, pattern: str) -> Iterable[Path]:
        """The folders below a parent whose names match a pattern."""
        return list(parent.glob(pattern))

    def begin(self, partial: Path, path: Path) -> None:
        """Make a folder to fill that is to become `path`, and the ones around both."""
        root = partial.parent.parent
        for around in (partial.parent, path.parent):
            if not around.is_dir():
                around.mkdir(parents=True, exist_ok=True)
                open_as(root, around)
        partial.mkdir()
        open_as(root, partial)
        (partial / _BEGUN).touch()

    def begun(self, partial: Path) -> bool:
        """Whether a folder is as we began it, and not removed or made again since."""
        return (partial / _BEGUN).exists()

    def publish(self, partial: Path, path: Path, recorded: dict[str, Any]) -> None:
        """Give a filled folder its final name, with the digests of its files and what is `recorded` in a manifest.

        An artifact that is there already stays, and `partial` with it.

        Raises:
            OSError: `partial` is not ours any more (then it is not :meth:`begun`), or a disk fails.
        """
        root = partial.parent.parent
        everything = sorted(file for file in partial.rglob("*") if file.name != _BEGUN)
        files = {str(file.relative_to(partial)): _digest(file) for file in everything if file.is_file()}
        write_json(partial / MANIFEST, {**without_home(recorded), "files": files})
        open_as(root, *everything, partial / MANIFEST)
        (partial / _BEGUN).unlink()
        try:
            partial.rename(path)
        except OSError:
            if self.exists(path):
                return
            if partial.is_dir():
                (partial / _BEGUN).touch()  # a fault of the disk: the folder still is ours
            raise

    def remove(self, folder: Path, doomed: Path) -> None:
        """Remove a folder, first by name: nobody sees half of it, and whoever still writes there notices.

        Args:
            folder: perhaps gone already.
            doomed: a name that no other process uses.
        """
        doomed.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):  # another process was faster
            folder.rename(doomed)
        shutil.rmtree(doomed, ignore_errors=True)

    def clear(self, partial: Path) -> None:
        """Remove what is left of a folder of our own."""
        shutil.rmtree(partial, ignore_errors=True)


def _digest(file: Path) -> str:
    return PATIENCE.of(lambda: file_sha256(file))
