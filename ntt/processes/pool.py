"""Processes that compute for this one: they end with it, and when one of them is killed, its work is done here."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import connection, get_context, parent_process
from typing import TypeVar

log = logging.getLogger(__name__)
Item = TypeVar("Item")
Result = TypeVar("Result")


class ProcessPool:
    """They stay for the further points of a sweep: starting one takes as long as matching many images."""

    def __init__(self) -> None:
        self._held: tuple[int, Callable[[], None], ProcessPoolExecutor] | None = None

    def map(
        self, function: Callable[[Item], Result], items: Sequence[Item], processes: int, start: Callable[[], None]
    ) -> Iterator[Result]:
        """`map(function, items)`, computed in several processes.

        Args:
            function: picklable.
            items: picklable.
            processes: how many; they stay for the next call with the same number.
            start: called in each process at its start.

        Raises:
            BrokenProcessPool: never: when a process is killed (out of memory, usually), the items that are left are
                computed here, and a warning says so.
        """
        done = 0
        try:
            executor = self._executor(processes, start)
            results = executor.map(function, items, chunksize=max(1, len(items) // (8 * processes)))
        except OSError as error:  # /dev/shm is full, or no more processes are allowed
            self._held = None
            log.warning("no %d processes can be had (%s): this one does the work itself", processes, error.strerror)
            yield from map(function, items)
            return
        try:
            for result in results:
                yield result
                done += 1
        except BrokenProcessPool:
            self._held = None
            log.warning(
                "one of the %d processes was killed, as happens when memory runs out: this one does the rest itself; "
                "with workers=1 it does so from the start",
                processes,
            )
            yield from map(function, items[done:])

    def close(self) -> None:
        """End the processes; the next call starts others."""
        if self._held is not None:
            self._held[2].shutdown()
            self._held = None

    def _executor(self, processes: int, start: Callable[[], None]) -> ProcessPoolExecutor:
        if self._held is None or self._held[:2] != (processes, start):
            # Spawned, not forked: a fork of a process that has used a GPU or torch's threads may hang.
            self._held = processes, start, ProcessPoolExecutor(processes, get_context("spawn"), _begin, (start,))
        return self._held[2]


def _begin(start: Callable[[], None]) -> None:
    """In a process of the pool: signals are for the one that started it, and when that is gone, so is this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    assert parent is not None
    threading.Thread(target=_end_after, args=(parent.sentinel,), name="parent", daemon=True).start()
    start()


def _end_after(sentinel: int) -> None:
    connection.wait([sentinel])
    os._exit(1)
