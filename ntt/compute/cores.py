"""Work in many short steps, shared out among the cores in large parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

Part = TypeVar("Part")
Result = TypeVar("Result")


def on_every_core(function: Callable[[Part], Result], parts: Sequence[Part]) -> list[Result]:
    """``function`` of each part, in order: one part per core at a time, each with one of torch's threads.

    The steps of a part are too short to be shared out themselves: cores would wait for each other hundreds of times
    per part, for long where other programs run.
    """
    threads = torch.get_num_threads()
    workers = min(threads, len(parts))
    if workers < 2:
        return [function(part) for part in parts]
    try:
        with ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as cores:
            return list(cores.map(function, parts))
    finally:
        torch.set_num_threads(threads)
