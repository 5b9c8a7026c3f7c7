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
import os
import socket
import threading
import time
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any

from ntt.foreign.documents import object_or_none


class Lease:
    """A claim that this process holds until :meth:`release`."""

    def __init__(self, path: Path, token: str) -> None:
        self.path = path
        self.token = token

    def held(self) -> bool:
        """Whether the file still is ours: False after another process took it over."""
        return _read(self.path).get("token") == self.token

    def renew(self) -> None:
        """Tell observers that the holder is alive."""
        with suppress(OSError):
            os.utime(self.path)

    def release(self) -> None:
        """Give the claim up. Does nothing when it was taken over."""
        if self.held():
            self.path.unlink(missing_ok=True)


class Leases:
    """The leases of one store, and a thread that renews those held by this process.

    Args:
        folder: where the files are; the same for every process that shares the work.
        seconds: how long a holder may stay silent before its lease is taken over.
    """

    def __init__(self, folder: Path, seconds: float = 60.0) -> None:
        self._folder = folder
        self._seconds = seconds
        self._held: dict[str, Lease] = {}
        self._seen: dict[Path, tuple[str, float, float]] = {}  # token, file time, our clock when it last changed
        self._lock = threading.Lock()
        self._renewer: threading.Thread | None = None

    def claim(self, name: str) -> Lease | None:
        """A lease on `name`, or None while somebody else holds it."""
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{name}.lease"
        lease = Lease(path, uuid.uuid4().hex)
        if not (self._take_over(path, lease.token) if path.exists() else _create(path, lease.token)):
            return None
        with self._lock:
            self._held[name] = lease
            if self._renewer is None:
                self._renewer = threading.Thread(target=self._renew_forever, name="leases", daemon=True)
                self._renewer.start()
        return lease

    def release(self, name: str) -> None:
        """Give up the lease on `name`."""
        with self._lock:
            lease = self._held.pop(name)
        lease.release()

    def _take_over(self, path: Path, token: str) -> bool:
        """Replace an expired lease. Of several that try, the one that marks the old lease as taken first succeeds."""
        holder = _read(path)
        if not holder or not self._expired(path, holder):
            return False
        mark = path.with_name(f"{path.name}.{holder['token']}.taken")
        if not _create(mark, token):
            if (taker := _read(mark)) and self._expired(mark, taker):
                mark.unlink(missing_ok=True)  # its taker died on the way; somebody marks it again
            return False
        try:
            if _read(path).get("token") != holder["token"]:
                return False  # taken over, and the mark removed, since we looked
            replacement = path.with_name(f"{path.name}.{token}")
            _create(replacement, token)
            replacement.replace(path)
            return True
        finally:
            mark.unlink(missing_ok=True)

    def _expired(self, path: Path, holder: dict[str, Any]) -> bool:
        if holder.get("machine") == _machine() and not _alive(holder["process"]):
            return True
        try:
            touched = path.stat().st_mtime
        except OSError:
            return False
        token, now = str(holder["token"]), time.monotonic()
        known = self._seen.get(path)
        if known is None or known[:2] != (token, touched):
            self._seen[path] = (token, touched, now)
            return False
        return now - known[2] > self._seconds

    def _renew_forever(self) -> None:
        while True:
            time.sleep(self._seconds / 4)
            with self._lock:
                held = list(self._held.values())
            for lease in held:
                if lease.held():
                    lease.renew()


def _create(path: Path, token: str) -> bool:
    """Create a lease file with our name in it; False when there is one already."""
    owner = {"token": token, "machine": _machine(), "process": _process(os.getpid()), "host": socket.gethostname()}
    # Linked into place: a file that is created first and written then could be read half-written.
    draft = path.with_name(f"{path.name}.{uuid.uuid4().hex}.draft")
    try:
        draft.write_text(json.dumps(owner))
        os.link(draft, path)
    except FileExistsError:
        return False
    finally:
        draft.unlink(missing_ok=True)
    return True


def _read(path: Path) -> dict[str, Any]:
    return object_or_none(path) or {}


def _machine() -> str:
    """Names this boot of this machine and this process namespace: inside it, process ids mean the same to all."""
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    return uuid.uuid4().hex  # unknown: then nobody's death can be seen, only their silence


def _process(pid: int) -> str:
    """A process id with its start time, since ids are used again; empty when there is no such process."""
    with suppress(OSError, IndexError):
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return f"{pid} {after_name[19]}" if after_name[0] not in "ZX" else ""
    return ""


def _alive(process: str) -> bool:
    pid = process.partition(" ")[0]
    return pid.isdigit() and _process(int(pid)) == process
