"""Faults of file systems that pass: tried again for a little while, and never taken for what a file holds."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

# A server that is away, a mount that blinks, a handle that went stale, a ticket that ran out.
_AWAY = (errno.EAGAIN, errno.EHOSTDOWN, errno.EIO, errno.ENODEV, errno.ENOTCONN, errno.ESTALE, errno.ETIMEDOUT)
_PASSING = frozenset((*_AWAY, errno.EACCES))
_PAUSES = (0.05, 0.25, 1.0)  # seconds between the tries


class Patience:
    """Waits a little for faults that pass; but not for ever where thousands of files fail for good.

    Args:
        budget: seconds that are waited in all.
        sleep: waits.
    """

    def __init__(self, budget: float = 20.0, sleep: Callable[[float], None] = time.sleep) -> None:
        self._left = budget
        self._sleep = sleep

    def of(self, read: Callable[[], T]) -> T:
        """What `read` gives, at the fourth try at the latest.

        Raises:
            OSError: of the last try; of the first where the fault is of no kind that passes.
        """
        for pause in _PAUSES:
            try:
                return read()
            except OSError as error:
                if error.errno not in _PASSING or self._left <= 0:
                    raise
            self._left -= pause
            self._sleep(pause)
        return read()


PATIENCE = Patience()
"""Of this process."""
