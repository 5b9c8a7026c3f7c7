"""How many cores there are, and work in many short steps, shared out among them in large parts."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Part = TypeVar("Part")
Result = TypeVar("Result")


def usable_cores() -> int:
    """Cores that this process may use: a batch job's share, not the machine's."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def on_every_core(function: Callable[[Part], Result], parts: Sequence[Part]) -> list[Result]:
    """``function`` of each part, in order: one part per core at a time, each with one of torch's threads.

    The steps of a part are too short to be shared out themselves: cores would wait for each other hundreds of times
    per part, for long where other programs run.
    """
    import torch  # here: who only counts cores must not wait for it

    threads = torch.get_num_threads()
    workers = min(threads, len(parts))
    if workers < 2:
        return [function(part) for part in parts]
    try:
        with ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as cores:
            return list(cores.map(function, parts))
    finally:
        torch.set_num_threads(threads)
