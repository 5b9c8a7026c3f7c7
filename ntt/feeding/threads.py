"""How much is done beside the networks, and how much of the time they worked."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from ntt.compute.cores import usable_cores
from ntt.screen.progress import format_duration, format_rate


@dataclass(frozen=True)
class WorkerThreads:
    """How many threads work beside the one that drives the networks, and how far from it.

    Attributes:
        decoders: threads that decode image files.
        ahead: images that are decoded before the networks want them.
        postprocessors: threads that compute final masks.
        behind: images that the networks are done with and that are not postprocessed yet.
    """

    decoders: int
    ahead: int
    postprocessors: int
    behind: int

    @staticmethod
    def suiting(device: torch.device, batch: int, bytes_behind: int) -> WorkerThreads:
        """On a CPU the networks use the cores themselves: one image ahead and one behind.

        Args:
            device: of the networks.
            batch: images that they see at once.
            bytes_behind: device memory that one image takes until it is postprocessed.
        """
        if device.type == "cpu":
            return WorkerThreads(1, batch, 1, 1)
        cores = usable_cores()
        decoders = max(1, min(8, cores // 4))
        # A GPU computes final masks itself, so few threads suffice; each holds some memory there.
        postprocessors = max(1, min(3, cores // 4)) if device.type == "cuda" else max(1, cores // 2)
        behind = postprocessors + batch
        if device.type == "cuda":
            behind = min(behind, torch.cuda.mem_get_info(device)[0] // (8 * bytes_behind))
        return WorkerThreads(decoders, 2 * batch, postprocessors, max(2, behind))


@dataclass
class Usage:
    """What the thread that drives the networks did, in seconds.

    Attributes:
        images: that passed the networks, or were found to be unreadable.
        networks: worked.
        input: waited for images.
        postprocessing: waited for postprocessing and writing.
        others: waited for shards that other processes had.
    """

    images: int = 0
    networks: float = 0.0
    input: float = 0.0
    postprocessing: float = 0.0
    others: float = 0.0

    @property
    def busy(self) -> float:
        """Share of the time, without that for others, in which the networks worked."""
        return self.networks / max(1e-9, self.networks + self.input + self.postprocessing)

    def __str__(self) -> str:
        seconds = self.networks + self.input + self.postprocessing
        rate = format_rate(self.images, seconds, "images")
        waited = f"{format_duration(self.input)} for images, {format_duration(self.postprocessing)} for postprocessing"
        busy = f"networks busy {100 * self.busy:.0f} % (waited {waited})"
        return f"{self.images} images in {format_duration(seconds)}, {rate}, {busy}"

    @contextmanager
    def of(self, what: str) -> Iterator[None]:
        """Count the block's time as ``what``."""
        began = time.perf_counter()
        try:
            yield
        finally:
            setattr(self, what, getattr(self, what) + time.perf_counter() - began)
