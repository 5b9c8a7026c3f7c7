"""What a file system says of the store when it fails, as one sentence for whoever can put it right."""

from __future__ import annotations

import errno
import getpass
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ntt.errors import InputError
from ntt.store.modes import what_it_needs

_FULL = (errno.ENOSPC, errno.EDQUOT)
_FORBIDDEN = (errno.EACCES, errno.EPERM)
# A server that is away, a mount that blinks, a handle that went stale, a ticket that ran out.
_PASSING = frozenset(
    {
        errno.EACCES,
        errno.EAGAIN,
        errno.EHOSTDOWN,
        errno.EIO,
        errno.ENODEV,
        errno.ENOTCONN,
        errno.ESTALE,
        errno.ETIMEDOUT,
    }
)
_PAUSES = (0.05, 0.25, 1.0)  # seconds between the tries


@contextmanager
def explained(root: Path) -> Iterator[None]:
    """Turn what a file system says about the store into a sentence.

    Args:
        root: of the store.

    Raises:
        InputError: it is full, may not be written or read, or its server is away. Other errors pass as they are, as do
            those about files elsewhere.
    """
    try:
        yield
    except OSError as error:
        if said := _sentence(root, error):
            raise InputError(said) from error
        raise


def _sentence(root: Path, error: OSError) -> str | None:
    reason = error.strerror or type(error).__name__
    if error.errno in _FULL:
        return (
            f"There is no space left for the store in {root} ({reason}): free some, or set store.root to a larger "
            "disk; what is complete is kept."
        )
    if error.errno == errno.EROFS:
        return (
            f"The store in {root} is read-only ({reason}), and not all that this run needs is in it: set store.root "
            "to a folder that can be written."
        )
    about = error.filename if isinstance(error.filename, str | os.PathLike) else None
    if about is None or not Path(about).is_relative_to(root):
        return None
    if error.errno in _FORBIDDEN:
        return f"{about} in the store may not be read or written by {_user()} ({reason}): {what_it_needs(root)}."
    return (
        f"{about} in the store cannot be used ({reason}): the same command continues when the file system does, or "
        "set store.root to another folder; what is complete is kept."
    )


def _user() -> str:
    try:
        return f"user {getpass.getuser()}"
    except (OSError, KeyError):  # no such entry in a container
        return f"user {os.geteuid()}"
