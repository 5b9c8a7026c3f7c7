"""How many images the two encoders see at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import torch
from torch import Tensor

from ntt.compute.fitting import FittingBatches

# More would fill no GPU better: a batch of eight has 32,768 tokens at the segmenter's finest level of attention.
_AT_MOST = 8
# Memory of an encoded image by its side squared, generous for the largest network in float32: 2.6 GB at 1024.
_BYTES_PER_PIXEL = 2500
_SHARE_OF_FREE_MEMORY = 0.5

Result = TypeVar("Result")


class ImageBatches:
    """Splits images into batches that fit, and remembers what fitted.

    Args:
        device: where images are encoded.
        configured: images at once; None for one on a CPU and what half of the free memory holds on a GPU.
        image_size: side of an image in pixels.
    """

    def __init__(self, device: torch.device, configured: int | None, image_size: int) -> None:
        self._device = device
        self._fitting = FittingBatches(device, "images", configured or _that_fit(device, image_size))

    @property
    def size(self) -> int:
        """Images at once, from here on."""
        return self._fitting.size

    def map(self, encode: Callable[[Tensor], Result], images: Sequence[Tensor]) -> Iterator[tuple[Result, int]]:
        """``encode`` of consecutive batches.

        Where a GPU runs out of memory the batch is halved and tried again, and later batches stay as small.

        Args:
            encode: of ``[B, ...]``, on the device.
            images: ``[...]`` each, of one shape, anywhere; copied without waiting from pinned memory.

        Yields:
            For each image, its batch's result and its place in there.

        Raises:
            torch.OutOfMemoryError: not even one image fits.
        """
        start = 0
        while start < len(images):
            batch, result = self._fitting.first(
                lambda size: images[start : start + size],  # noqa: B023 - called before start moves
                lambda batch: encode(torch.stack([image.to(self._device, non_blocking=True) for image in batch])),
            )
            start += len(batch)
            for place in range(len(batch)):
                yield result, place


def _that_fit(device: torch.device, image_size: int) -> int:
    if device.type != "cuda":
        return 1
    free, _ = torch.cuda.mem_get_info(device)
    return max(1, min(_AT_MOST, int(free * _SHARE_OF_FREE_MEMORY) // (_BYTES_PER_PIXEL * image_size**2)))
