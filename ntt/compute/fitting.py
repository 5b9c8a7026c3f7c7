"""Batches that fit a device's memory: halved where it runs out, and as small from then on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TypeVar

import torch

log = logging.getLogger(__name__)

Batch = TypeVar("Batch", bound=Sequence[object] | torch.Tensor)
Result = TypeVar("Result")


class FittingBatches:
    """Remembers how many items at once fitted on a device.

    Args:
        device: where batches are computed, for messages.
        what: the items' name in the plural, for messages.
        size: items at once to begin with.

    Attributes:
        size: items at once, from here on.
    """

    def __init__(self, device: torch.device, what: str, size: int) -> None:
        self._device = device
        self._what = what
        self.size = size

    def first(self, take: Callable[[int], Batch], compute: Callable[[Batch], Result]) -> tuple[Batch, Result]:
        """Compute the first batch of what is left; where memory runs out, halve it and try again.

        Args:
            take: the first batch of at most so many items.
            compute: its result.

        Returns:
            The batch that fitted and its result.

        Raises:
            torch.OutOfMemoryError: not even one item fits.
        """
        while True:
            batch = take(self.size)
            try:
                return batch, compute(batch)
            except torch.OutOfMemoryError:
                if len(batch) == 1:
                    raise
                self.size = len(batch) // 2
                log.warning(
                    "%d %s do not fit on %s: %d at once from here on", len(batch), self._what, self._device, self.size
                )
            # Out here, where nothing of the failed attempt is referred to any more.
            torch.cuda.empty_cache()
