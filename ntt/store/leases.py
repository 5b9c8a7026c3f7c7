"""Who makes what: leases on a shared file system, without a coordinator.

A lease is a small file that only one process can create. Its holder touches it every few seconds; whoever sees it
untouched for a whole lease time takes it over. Nobody compares clocks: a file counts as untouched when its time stamp
has not changed while the observer's own monotonic clock advanced. A holder on the same machine that is dead is noticed
at once.

A holder that was frozen and comes back finds that the lease is no longer its own and gives up what it made. Even
without that check nothing would break: equal keys mean equal contents, and the first to rename its work wins.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ntt.compute.running import is_running, machine_identity, process_identity
from ntt.store.lease_files import Files, LeaseFiles, create, move_over

log = logging.getLogger(__name__)

# A file that says nothing: its maker is writing it, or died at that, which only its age can tell.
_NOTHING = "nothing"


@dataclass(frozen=True)
class Holder:
    """What a lease file says of its holder; `machine` and `process` are empty where it says nothing."""

    token: str
    machine: str = ""
    process: str = ""
    host: str = ""

    @staticmethod
    def ourselves() -> Holder:
        """This process, under a new token."""
        return Holder(uuid.uuid4().hex, _machine(), process_identity(os.getpid()), socket.gethostname())

    def text(self) -> str:
        """What stands in the file."""
        return json.dumps(self.__dict__)


class Lease:
    """A claim that this process holds until :meth:`release`.

    Args:
        files: where the file is.
        name: of the file.
        token: that nobody else writes.
    """

    def __init__(self, files: Files, name: str, token: str) -> None:
        self.files = files
        self.name = name
        self.token = token

    def held(self) -> bool:
        """Whether the file still is ours: False after another process took it over."""
        holder = _read(self.files, self.name)
        return holder is not None and holder.token == self.token

    def renew(self) -> None:
        """Tell observers that the holder is alive."""
        with suppress(OSError):
            self.files.touch(self.name)

    def release(self) -> None:
        """Give the claim up. Does nothing when it was taken over."""
        if self.held():
            with suppress(OSError):  # then it runs out
                self.files.remove(self.name)


class Leases:
    """The leases of one store, and a thread that renews those held by this process.

    Args:
        files: the folder of the files, the same for every process that shares the work; or what stands for it.
        seconds: how long a holder may stay silent before its lease is taken over.
        clock: seconds, never set back.
        renewing: whether the thread runs; without it :meth:`renew` has to be called.
    """

    def __init__(
        self,
        files: Files | Path,
        seconds: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
        renewing: bool = True,
    ) -> None:
        self._files = LeaseFiles(files) if isinstance(files, Path) else files
        self._seconds = seconds
        self._clock = clock
        self._renewing = renewing
        self._held: dict[str, Lease] = {}
        self._seen: dict[str, tuple[str, float, float]] = {}  # token, file time, our clock when it last changed
        self._lock = threading.Lock()
        self._renewer: threading.Thread | None = None

    def claim(self, name: str) -> Lease | None:
        """A lease on `name`, or None while somebody else holds it.

        Raises:
            OSError: the folder cannot be written.
        """
        file = f"{name}.lease"
        ourselves = Holder.ourselves()
        holder = _read(self._files, file)
        taken = self._take_over(file, holder, ourselves) if holder else create(self._files, file, ourselves.text())
        if not taken:
            return None
        self._seen.pop(file, None)
        lease = Lease(self._files, file, ourselves.token)
        with self._lock:
            self._held[name] = lease
            if self._renewer is None and self._renewing:
                self._renewer = threading.Thread(target=self._renew_forever, name="leases", daemon=True)
                self._renewer.start()
        return lease

    def release(self, name: str) -> None:
        """Give up the lease on `name`."""
        with self._lock:
            lease = self._held.pop(name)
        lease.release()

    def holder(self, name: str) -> Holder | None:
        """Who holds `name`, as far as its file says."""
        return _read(self._files, f"{name}.lease")

    def seconds_left(self, name: str) -> float | None:
        """How long a holder may stay silent yet, of a lease that :meth:`claim` was refused; None for others."""
        known = self._seen.get(f"{name}.lease")
        return None if known is None else max(0.0, self._seconds - (self._clock() - known[2]))

    def renew(self) -> None:
        """Tell observers that the holder of all leases held is alive."""
        with self._lock:
            held = list(self._held.values())
        for lease in held:
            if lease.held():
                lease.renew()

    def _take_over(self, file: str, holder: Holder, ourselves: Holder) -> bool:
        """Replace an expired lease. Of several that try, the one that marks the old lease as taken first succeeds."""
        if not self._expired(file, holder):
            return False
        mark = f"{file}.{holder.token}.taken"
        if not create(self._files, mark, ourselves.text()):
            if (taker := _read(self._files, mark)) and self._expired(mark, taker):
                self._files.remove(mark)  # its taker died on the way; somebody marks it again
            return False
        replacement = f"{file}.{ourselves.token}"
        try:
            if (now := _read(self._files, file)) is None or now.token != holder.token:
                return False  # taken over, and the mark removed, since we looked
            self._files.write(replacement, ourselves.text())
            return move_over(self._files, replacement, file, ourselves.text())
        finally:
            self._files.remove(mark)
            self._files.remove(replacement)

    def _expired(self, file: str, holder: Holder) -> bool:
        if holder.machine == _machine() and not _alive(holder.process):
            return True
        try:
            touched = self._files.touched(file)
        except OSError:
            return False
        now = self._clock()
        known = self._seen.get(file)
        if known is None or known[:2] != (holder.token, touched):
            self._seen[file] = (holder.token, touched, now)
            return False
        return now - known[2] > self._seconds

    def _renew_forever(self) -> None:
        while True:
            time.sleep(self._seconds / 4)
            try:
                self.renew()
            except Exception:  # whatever it was: without this thread all leases would run out
                log.debug("leases could not be renewed", exc_info=True)


def _read(files: Files, name: str) -> Holder | None:
    """Who holds a lease: None where there is no such file."""
    try:
        text = files.read(name)
    except FileNotFoundError:
        return None
    except OSError:
        return Holder(_NOTHING)
    try:
        said = json.loads(text)
        holder = Holder(*(str(said.get(key, "")) for key in ("token", "machine", "process", "host")))
    except (ValueError, AttributeError, RecursionError):
        return Holder(_NOTHING)
    return holder if holder.token.isalnum() else Holder(_NOTHING)  # files are named after it


def _machine() -> str:
    # Unknown: then nobody's death can be seen, only their silence.
    return machine_identity() or uuid.uuid4().hex


def _alive(process: str) -> bool:
    pid = process.partition(" ")[0]
    return pid.isdigit() and is_running(int(pid), process)
