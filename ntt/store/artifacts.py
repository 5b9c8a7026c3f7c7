"""Artifacts: folders named by a fingerprint of all that determines their contents.

An artifact is a folder `<root>/<stage>/<key>/` with its files and a `manifest.json`. The key never depends on a path or
a time, so equal keys mean equal artifacts. A folder gets its final name only when complete: a killed process leaves at
most a folder in `<root>/partial`, which the next writer of the same artifact removes.

A maker that was frozen may come back when another one has removed its folder: a file in it that only one of them can
remove says whose it is, so that never the rest of a folder becomes an artifact.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import lru_cache, partial
from importlib import metadata
from pathlib import Path
from typing import Any

import ntt
from ntt.errors import InputError
from ntt.foreign.documents import parse_json
from ntt.foreign.patience import PATIENCE
from ntt.store.files import writer
from ntt.store.folders import MANIFEST, Folders
from ntt.store.hashing import known_sha256

MADE_AGAIN = "run again: the store finds the damage and makes it anew"
"""Way out for a file of an artifact that was damaged after its checksum had been looked at."""


class TakenOver(OSError):
    """The folder in which an artifact was being made is gone: another process makes it now."""


def fingerprint(inputs: Any) -> str:
    """20 hex digits of the SHA-256 of `inputs` as canonical JSON (sorted keys, no white space)."""
    text = json.dumps(inputs, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:20]


@dataclass(frozen=True)
class Artifact:
    """One entry of the store; it may or may not exist yet.

    Attributes:
        path: its folder.
        stage: the stage that makes it.
        key: fingerprint of `inputs`.
        inputs: everything that determines its contents.
        folders: the file system under it.
        source: digest of the code that makes it, where that is no part of the key; kept in the manifest.
    """

    path: Path
    stage: str
    key: str
    inputs: dict[str, Any]
    folders: Folders = field(default_factory=Folders, repr=False, compare=False)
    source: str = field(default="", compare=False)

    def by_other_source(self) -> bool:
        """Whether a present, whole artifact was made by other source than today's, as far as its manifest says."""
        manifest = self.path / MANIFEST
        made_by = parse_json(PATIENCE.of(manifest.read_bytes), manifest, "").get("source")
        return bool(self.source and made_by and made_by != self.source)

    def damage(self) -> str | None:
        """Why a present artifact cannot be used (a changed, shortened or lost file), or None.

        Raises:
            OSError: it cannot be read just now, which proves nothing.
        """
        manifest = self.path / MANIFEST
        try:
            recorded = parse_json(PATIENCE.of(manifest.read_bytes), manifest, "")["files"]
        except (FileNotFoundError, InputError, KeyError, TypeError):
            recorded = None
        if not isinstance(recorded, dict):
            return "its manifest cannot be read"
        for name, digest in recorded.items():
            file = self.path / name
            try:
                found = PATIENCE.of(partial(known_sha256, file))
            except (FileNotFoundError, IsADirectoryError):
                return f"{name} is missing"
            if found != digest:
                return f"{name} does not have its recorded checksum"
        return None

    def exists(self) -> bool:
        return self.folders.exists(self.path)

    def discard(self) -> None:
        """Remove a damaged artifact, first by name so that nobody sees half of it."""
        self.folders.remove(self.path, self._partial(f"{writer()}.discarded"))

    def _partial(self, maker: str) -> Path:
        """Where a process keeps the artifact while it is incomplete.

        Not beside the finished ones: whoever looks for what killed writers left would list thousands of them.
        """
        return self.path.parent.parent / "partial" / f"{self.stage}-{self.key}-{maker}"

    @contextmanager
    def writing(self, started: float | None = None) -> Iterator[Path]:
        """A folder to fill; it becomes the artifact when the block ends without an exception.

        Only the holder of the artifact's lease writes (:meth:`Store.claim`), so partial folders of other writers are
        what killed ones left, and are removed. If another process finished the same artifact meanwhile, its copy
        stays: equal keys, equal contents.

        Args:
            started: when the work for it began, by time.time(), for the manifest; now where None.

        Raises:
            TakenOver: another process took us for dead and removed the folder.
        """
        unfinished = self._partial(writer())
        for left in self.folders.matching(unfinished.parent, self._partial("*").name):
            with suppress(OSError):  # another user's, in a folder where everybody keeps their own
                self.folders.remove(left, left.with_name(f"{left.name}.{writer()}.removed"))
        self.folders.begin(unfinished, self.path)
        started = started or time.time()
        try:
            try:
                yield unfinished
                recorded = {
                    "stage": self.stage,
                    "key": self.key,
                    "inputs": self.inputs,
                    "source": self.source,
                    "seconds": round(time.time() - started, 3),
                    "made": provenance(),
                }
                self.folders.publish(unfinished, self.path, recorded)
            except OSError as error:
                if self.folders.begun(unfinished):
                    raise
                raise TakenOver(f"{self.stage} {self.key} was taken over while it was made") from error
        finally:
            self.folders.clear(unfinished)


def provenance() -> dict[str, Any]:
    """Where and with what something was made: for the reader of a manifest, never part of a key."""
    packages = ("torch", "transformers", "sam2", "hydra-core", "pycocotools", "hotcoco", "numpy", "pillow")
    versions = {name: _version(name) for name in packages}
    job = {k: os.environ[k] for k in ("SLURM_JOB_ID", "SLURM_PROCID", "RANK") if k in os.environ}
    return {
        "ntt": ntt.__version__,
        "commit": _commit(),
        "host": socket.gethostname(),
        "python": platform.python_version(),
        "versions": versions,
        **({"job": job} if job else {}),
    }


@lru_cache
def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


@lru_cache(maxsize=1)
def _commit() -> str | None:
    """The checkout's commit, with `+` when files differ from it; None outside a checkout."""
    here = Path(ntt.__file__).resolve().parent

    def git(*words: str) -> str:
        done = subprocess.run(["git", "-C", str(here), *words], capture_output=True, text=True, timeout=10, check=True)
        return done.stdout.strip()

    try:
        if Path(git("rev-parse", "--show-toplevel")) != here.parent:
            return None
        return git("rev-parse", "HEAD") + ("+" if git("status", "--porcelain", "-uno") else "")
    except (OSError, subprocess.SubprocessError):
        return None
