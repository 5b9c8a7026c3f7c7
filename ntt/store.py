"""The content-addressed store: fingerprints, manifests, atomic writes, checksums.

An artifact is a folder `<root>/<stage>/<key>/` with its files and a `manifest.json`. The key is a fingerprint of
everything that determines the contents (never of a path or a time), so equal keys mean equal artifacts and whoever
needs one first pays for all. A folder gets its final name only when complete: a killed process leaves at most a
`.partial-*` folder, which the next writer removes.
"""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import os
import platform
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

import ntt
from ntt.errors import InputError
from ntt.hashing import file_sha256, known_sha256
from ntt.leases import Lease, Leases

log = logging.getLogger(__name__)

MANIFEST = "manifest.json"
_POLL_SECONDS = 0.2  # between looks at what other processes are making


def fingerprint(inputs: Any) -> str:
    """20 hex digits of the SHA-256 of `inputs` as canonical JSON (sorted keys, no white space)."""
    text = json.dumps(inputs, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def write_atomically(path: Path, data: bytes, durable: bool = True) -> None:
    """Write `data` so that `path` either keeps its old contents or has all of the new ones.

    Args:
        path: of the file; its folder is made when it is not there.
        data: the new contents.
        durable: also where the power fails at once; False for what only tells how a run went, written many times.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".partial-{path.name}-{_writer()}")
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


@dataclass(frozen=True)
class Artifact:
    """One entry of the store; it may or may not exist yet.

    Attributes:
        path: its folder.
        stage: the stage that makes it.
        key: fingerprint of `inputs`.
        inputs: everything that determines its contents.
    """

    path: Path
    stage: str
    key: str
    inputs: dict[str, Any]

    def damage(self) -> str | None:
        """Why a present artifact cannot be used (a changed, shortened or lost file), or None."""
        try:
            recorded = json.loads((self.path / MANIFEST).read_bytes())["files"]
        except (OSError, ValueError, KeyError):
            return "its manifest cannot be read"
        for name, digest in recorded.items():
            file = self.path / name
            if not file.is_file():
                return f"{name} is missing"
            if known_sha256(file) != digest:
                return f"{name} does not have its recorded checksum"
        return None

    def exists(self) -> bool:
        return self.path.is_dir()

    def manifest(self) -> dict[str, Any]:
        value = json.loads((self.path / MANIFEST).read_bytes())
        assert isinstance(value, dict)
        return value

    def discard(self) -> None:
        """Remove a damaged artifact, first by name so that nobody sees half of it."""
        if self.exists():
            doomed = self.path.with_name(f".partial-{self.key}-{_writer()}")
            with suppress(FileNotFoundError):  # another process was faster
                self.path.rename(doomed)
            shutil.rmtree(doomed, ignore_errors=True)

    @contextmanager
    def writing(self, started: float | None = None) -> Iterator[Path]:
        """A folder to fill; it becomes the artifact when the block ends without an exception.

        Only the holder of the artifact's lease writes (:meth:`Store.claim`), so partial folders of other writers are
        what killed ones left, and are removed. If another process finished the same artifact meanwhile, its copy
        stays: equal keys, equal contents.

        Args:
            started: when the work for it began, by time.time(), for the manifest; now where None.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        for left in self.path.parent.glob(f".partial-{self.key}-*"):
            shutil.rmtree(left, ignore_errors=True)
        partial = self.path.with_name(f".partial-{self.key}-{_writer()}")
        partial.mkdir()
        started = started or time.time()
        try:
            yield partial
            files = {str(p.relative_to(partial)): file_sha256(p) for p in sorted(partial.rglob("*")) if p.is_file()}
            manifest = {
                "stage": self.stage,
                "key": self.key,
                "inputs": self.inputs,
                "files": files,
                "seconds": round(time.time() - started, 3),
                "made": provenance(),
            }
            write_json(partial / MANIFEST, manifest)
            try:
                partial.rename(self.path)
            except OSError:
                if not self.exists():
                    raise
        finally:
            shutil.rmtree(partial, ignore_errors=True)


@dataclass
class Claim:
    """The right of this process to make an artifact, renewed until it is released.

    Attributes:
        artifact: what may be made.
        lease: the file that says so.
        made: whether we did.
        released: whether the right was given back.
    """

    artifact: Artifact
    lease: Lease
    _release: Callable[[], None]
    made: bool = False
    released: bool = field(default=False, init=False)

    def release(self) -> None:
        """Give the right back; does nothing the second time."""
        if not self.released:
            self._release()
            self.released = True


class Store:
    """The folder of all artifacts, shared by any number of processes on any number of hosts.

    Args:
        root: the folder; made when it is not there.
        lease_seconds: how long a process may be silent before others take over what it was making.
    """

    def __init__(self, root: Path, lease_seconds: float = 60.0) -> None:
        self.root = root
        self.root.mkdir(parents=True, exist_ok=True)
        self._leases = Leases(root / "leases", lease_seconds)

    def artifact(self, stage: str, inputs: dict[str, Any]) -> Artifact:
        """The artifact of `stage` that `inputs` determine. Nothing is read or written."""
        key = fingerprint({"stage": stage, **inputs})
        return Artifact(self.root / stage / key, stage, key, inputs)

    def missing(self, artifacts: Iterable[Artifact]) -> tuple[list[Artifact], int]:
        """Those of the artifacts that have to be made, and how many of them because they are damaged.

        A damaged one is reported in the log and removed.
        """
        absent, damaged = [], 0
        for artifact in artifacts:
            if artifact.exists():
                if not (damage := artifact.damage()):
                    continue
                log.warning("%s %s is damaged (%s): it is made again", artifact.stage, artifact.path, damage)
                artifact.discard()
                damaged += 1
            absent.append(artifact)
        return absent, damaged

    @contextmanager
    def claim(self, artifact: Artifact) -> Iterator[Claim | None]:
        """The right to make an artifact inside the block; None when it exists or somebody else is making it."""
        claim = self._claim(artifact)
        try:
            yield claim
        finally:
            if claim:
                claim.release()

    def claims(
        self, artifacts: Iterable[Artifact], made_elsewhere: Callable[[Artifact], None] = lambda _: None
    ) -> Generator[Claim | None, None, None]:
        """Claim what nobody has made or is making, one after the other, until all artifacts exist.

        Any number of processes may do this at once with the same list; they share the work. Every claim goes to
        :meth:`finish`, in any thread and while further ones are taken; one that ended without its artifact comes again.

        Args:
            artifacts: what is needed; distinct.
            made_elsewhere: told of each that exists without our doing.

        Yields:
            A claim, or None where everything missing is being made, here or elsewhere: wait a little before asking
            again. Closing the iterator gives up the claims that were not finished.

        Raises:
            InputError: the disk is full.
        """
        pending = list(artifacts)
        ours: dict[str, Claim] = {}
        try:
            while pending:
                waiting, moved = [], False
                for artifact in pending:
                    claim = ours.get(artifact.key)
                    if claim and not claim.released:
                        waiting.append(artifact)
                        continue
                    moved = moved or claim is not None
                    if claim and claim.made:
                        continue
                    with self._explaining_a_full_disk():
                        claim = self._claim(artifact)
                    if claim:
                        ours[artifact.key] = claim
                        moved = True
                        yield claim
                        waiting.append(artifact)
                    elif artifact.exists():
                        made_elsewhere(artifact)
                    else:
                        ours.pop(artifact.key, None)
                        waiting.append(artifact)
                if len(waiting) == len(pending) and not moved:
                    yield None
                pending = waiting
        finally:
            for claim in ours.values():
                claim.release()

    def finish(self, claim: Claim, make: Callable[[Artifact], None]) -> bool:
        """Make what was claimed, and release the claim.

        Args:
            claim: of :meth:`claims`.
            make: makes the artifact, in the block of its :meth:`Artifact.writing`.

        Returns:
            False when we were silent for so long that another process took it over meanwhile.

        Raises:
            InputError: the disk is full.
        """
        try:
            with self._explaining_a_full_disk():
                claim.made = claim.lease.held() and _made_in_time(claim.artifact, make, claim.lease)
            return claim.made
        finally:
            claim.release()

    def obtain(
        self,
        artifacts: Iterable[Artifact],
        make: Callable[[Artifact], None],
        made_elsewhere: Callable[[Artifact], None] = lambda _: None,
    ) -> int:
        """See that all artifacts exist: make those of :meth:`claims` one by one, wait for the others.

        Args:
            artifacts: what is needed; distinct.
            make: makes one, in the block of its :meth:`Artifact.writing`.
            made_elsewhere: told of each that exists without our doing.

        Returns:
            How many this process made.

        Raises:
            InputError: the disk is full.
        """
        made = 0
        with closing(self.claims(artifacts, made_elsewhere)) as claims:
            for claim in claims:
                if claim:
                    made += self.finish(claim, make)
                else:
                    time.sleep(_POLL_SECONDS)
        return made

    def _claim(self, artifact: Artifact) -> Claim | None:
        if artifact.exists():
            return None
        name = f"{artifact.stage}-{artifact.key}"
        lease = self._leases.claim(name)
        if lease is None:
            return None
        claim = Claim(artifact, lease, lambda: self._leases.release(name))
        if artifact.exists():  # finished between the look and the claim
            claim.release()
            return None
        return claim

    @contextmanager
    def _explaining_a_full_disk(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise InputError(
                f"There is no space left for the store in {self.root} ({error.strerror}): free some, or set store.root "
                "to a larger disk; what is complete is kept."
            ) from error


def _made_in_time(artifact: Artifact, make: Callable[[Artifact], None], lease: Lease) -> bool:
    """Make an artifact; False when we were silent for so long that another process took it over meanwhile."""
    try:
        make(artifact)
    except OSError:
        # The one that took over has removed our partial folder.
        if lease.held():
            raise
        return False
    return True


def _writer() -> str:
    return f"{socket.gethostname()}-{os.getpid()}"


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
