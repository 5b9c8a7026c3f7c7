"""The content-addressed store: who makes which artifact, so that whoever needs one first pays for all.

Any number of processes on any number of hosts share one folder of artifacts (:mod:`ntt.store.artifacts`); what is
missing they divide by leases (:mod:`ntt.store.leases`).
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ntt.errors import InputError
from ntt.store.artifacts import Artifact, TakenOver, fingerprint
from ntt.store.faults import explained
from ntt.store.files import writer
from ntt.store.lease_files import LeaseFiles
from ntt.store.leases import Lease, Leases
from ntt.store.modes import open_as
from ntt.store.waiting import Waiting

log = logging.getLogger(__name__)

_POLL_SECONDS = 0.2  # between looks at what other processes are making


class InputLost(Exception):
    """What an artifact is to be made from cannot be read: it is not made, now and under this key."""


@dataclass
class Claim:
    """The right of this process to make an artifact, renewed until it is released.

    Attributes:
        artifact: what may be made.
        lease: the file that says so.
        made: whether we did.
        given_up: whether we never shall, for its input is lost.
        released: whether the right was given back.
    """

    artifact: Artifact
    lease: Lease
    _release: Callable[[], None]
    made: bool = False
    given_up: bool = False
    released: bool = field(default=False, init=False)

    def release(self) -> None:
        """Give the right back; does nothing the second time."""
        if not self.released:
            self.released = True  # first: what interrupts the release must not have it done twice
            self._release()


class Store:
    """The folder of all artifacts, shared by any number of processes on any number of hosts.

    Args:
        root: the folder; made when it is not there.
        lease_seconds: how long a process may be silent before others take over what it was making.
        code: what to do with artifacts that other source of the same version made: warn, strict or trust.
        leases: other ones than those in the folder, for simulations.

    Raises:
        InputError: the folder cannot be made.
    """

    def __init__(
        self, root: Path, lease_seconds: float = 60.0, leases: Leases | None = None, code: str = "warn"
    ) -> None:
        self.root = root
        self.code = code  # what to do with what other source of the same version made: warn, strict or trust
        try:
            with explained(root):
                root.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            raise InputError(f"store.root={root} is no folder: name one, or a place where one can be made.") from error
        except OSError as error:
            raise InputError(f"store.root={root} cannot be made ({error.strerror}): name another place.") from error
        self._leases = leases or Leases(LeaseFiles(root / "leases", root), lease_seconds)

    def artifact(self, stage: str, inputs: dict[str, Any], source: str = "") -> Artifact:
        """The artifact of `stage` that `inputs` determine. Nothing is read or written.

        Args:
            stage: how it is called in the store.
            inputs: everything that determines its contents.
            source: digest of the code that makes it, where an explicit version stands for it in the inputs.
        """
        key = fingerprint({"stage": stage, **inputs})
        return Artifact(self.root / stage / key, stage, key, inputs, source=source)

    def missing(self, artifacts: Iterable[Artifact]) -> tuple[list[Artifact], int]:
        """Those of the artifacts that have to be made, and how many of them because they are damaged.

        A damaged one is reported in the log and removed. What other source of the same version made is used, and
        said in one line; removed with store.code=strict; used silently with trust.

        Raises:
            InputError: the store cannot be read, or has to be written and cannot.
        """
        absent, damaged = [], 0
        older: Counter[str] = Counter()
        with explained(self.root):
            for artifact in artifacts:
                if artifact.exists():
                    if not (damage := artifact.damage()):
                        if self.code == "trust" or not artifact.by_other_source():
                            continue
                        older[artifact.stage] += 1
                        if self.code == "warn":
                            continue
                        artifact.discard()
                        absent.append(artifact)
                        continue
                    log.warning("%s %s is damaged (%s): it is made again", artifact.stage, artifact.path, damage)
                    artifact.discard()
                    damaged += 1
                absent.append(artifact)
        for stage, count in older.items():
            done = "are made again" if self.code == "strict" else "are used; store.code=strict makes them again"
            log.warning("%s: %d found that other source of the same version made: they %s", stage, count, done)
        if absent:
            self.check_writable({artifact.stage for artifact in absent})
        return absent, damaged

    def check_writable(self, stages: Iterable[str] = ()) -> None:
        """See that this user can make artifacts, before anything is computed for them.

        Raises:
            InputError: what is in the way, and how the folder is opened.
        """
        with explained(self.root):
            for name in ("leases", "partial", *sorted(stages)):
                folder = self.root / name
                if not folder.is_dir():
                    folder.mkdir(parents=True, exist_ok=True)
                    open_as(self.root, folder)
                probe = folder / f".probe-{writer()}"
                try:
                    probe.mkdir()
                finally:
                    with suppress(OSError):
                        probe.rmdir()

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

        One whose input was lost (:class:`InputLost`) is left to others, and not waited for.

        Yields:
            A claim, or None where everything missing is being made, here or elsewhere: wait a little before asking
            again. Closing the iterator gives up the claims that were not finished.

        Raises:
            InputError: the disk is full.
        """
        pending = list(artifacts)
        ours: dict[str, Claim] = {}
        waits = Waiting(self._leases)
        try:
            while pending:
                waiting, moved = [], False
                for artifact in pending:
                    claim = ours.get(artifact.key)
                    if claim and not claim.released:
                        waiting.append(artifact)
                        continue
                    moved = moved or claim is not None
                    if claim and (claim.made or claim.given_up):
                        continue
                    with explained(self.root):
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
                    waits.on([artifact for artifact in waiting if artifact.key not in ours])
                    yield None
                else:
                    waits.over()
                pending = waiting
        finally:
            for claim in ours.values():
                claim.release()

    def finish(self, claim: Claim, make: Callable[[Artifact], None]) -> bool:
        """Make what was claimed, and release the claim.

        Args:
            claim: of :meth:`claims`.
            make: makes the artifact, in the block of its :meth:`Artifact.writing`; raises InputLost where it cannot.

        Returns:
            False when its input was lost, or when we were silent for so long that another process took it over
            meanwhile.

        Raises:
            InputError: the disk is full.
        """
        try:
            with explained(self.root):
                claim.made = claim.lease.held() and _made_in_time(claim.artifact, make, claim.lease)
            return claim.made
        except InputLost:
            claim.given_up = True
            return False
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


def _made_in_time(artifact: Artifact, make: Callable[[Artifact], None], lease: Lease) -> bool:
    """Make an artifact; False when we were silent for so long that another process took it over meanwhile."""
    try:
        make(artifact)
    except TakenOver:
        return False
    except OSError:
        # The one that took over has removed our partial folder.
        if lease.held():
            raise
        return False
    return True
