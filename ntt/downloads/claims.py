"""One writer per file: a claim that other processes, on this host or another, respect."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

log = logging.getLogger(__name__)


@contextmanager
def claim(target: Path, expiry: float = 120.0, poll: float = 0.5) -> Iterator[None]:
    """Hold ``target`` alone for the length of the block; wait while somebody else holds it.

    The claim is a file beside the target, made by atomic creation, which works on shared file systems without a
    lock service. Its holder renews it; one that has not been renewed for ``expiry`` seconds belongs to a dead
    process and is taken over.
    """
    lock = target.with_name(f"{target.name}.lock")
    token = f"{socket.gethostname()} {os.getpid()} {uuid.uuid4().hex}"
    waiting = False
    while not _created(lock, token):
        dead = _dead_token(lock, expiry)
        if dead is not None:
            _take_away(lock, dead)
        else:
            if not waiting:
                log.info("%s is being fetched by %s; waiting for it", target.name, _holder(lock))
            waiting = True
            time.sleep(poll)
    released = threading.Event()
    renewal = threading.Thread(target=_renew, args=(lock, expiry / 4, released), daemon=True)
    renewal.start()
    try:
        yield
    finally:
        released.set()
        renewal.join()
        if _read(lock) == token:
            lock.unlink(missing_ok=True)


def _created(lock: Path, token: str) -> bool:
    try:
        with lock.open("x") as file:
            file.write(token)
    except FileExistsError:
        return False
    return True


def _dead_token(lock: Path, expiry: float) -> str | None:
    """What an expired claim says; None where the claim is alive or gone."""
    token = _read(lock)
    try:
        age = time.time() - lock.stat().st_mtime
    except FileNotFoundError:
        return None
    return token if age > expiry else None


def _take_away(lock: Path, dead: str) -> None:
    """Remove a dead claim. Of several processes that saw it dead, a slow one may catch its successor: give it back."""
    aside = lock.with_name(f"{lock.name}.{uuid.uuid4().hex}")
    try:
        lock.rename(aside)
    except FileNotFoundError:
        return
    if _read(aside) != dead:
        with suppress(OSError):
            os.link(aside, lock)
    aside.unlink()


def _renew(lock: Path, interval: float, released: threading.Event) -> None:
    while not released.wait(interval):
        with suppress(OSError):
            os.utime(lock)


def _read(lock: Path) -> str:
    try:
        return lock.read_text()
    except OSError:
        return ""


def _holder(lock: Path) -> str:
    host, _, rest = _read(lock).partition(" ")
    return f"process {rest.split(' ')[0]} on {host}" if rest else "another process"
