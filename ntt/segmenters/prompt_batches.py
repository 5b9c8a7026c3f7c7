"""How many prompts are decoded together, and where."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

import torch
from torch import Tensor

from ntt.compute.cores import on_every_core
from ntt.compute.fitting import FittingBatches

# So little that attention maps stay in a core's share of the cache from step to step: 4 prompts at full size.
_BYTES_ON_A_CORE = 64 * 2**20
# Enough to fill any GPU: each matrix product is then of 256 x 64 x 4096.
_AT_MOST = 256
_SHARE_OF_FREE_MEMORY = 0.5

Result = TypeVar("Result")


class PromptBatches:
    """Splits prompts into batches that fit, and remembers what fitted.

    Args:
        device: where prompts are decoded.
        configured: prompts at once; None for a number that suits the device.
        bytes_per_prompt: device memory that decoding takes for each prompt of a batch.
        one_shape: whether all batches are of one length, filled up with prompts that are not a number, for which no
            mask is kept. What is compiled once then serves every image.
    """

    def __init__(
        self, device: torch.device, configured: int | None, bytes_per_prompt: int, one_shape: bool = False
    ) -> None:
        self._device = device
        self._one_shape = one_shape
        self._limit = configured
        self._fitting: FittingBatches | None = None
        self._bytes_per_prompt = bytes_per_prompt

    def map(self, decode: Callable[[Tensor], Result], prompts: Tensor) -> list[Result]:
        """``decode`` of consecutive batches of prompts, in order.

        Batches are as equal as can be, so that nearly all have one shape. On a CPU each core decodes batches of its
        own. Where a GPU runs out of memory the batch is halved and tried again, and later batches stay as small.

        Args:
            decode: of ``[b, ...]`` prompts; called by several threads.
            prompts: ``[P, ...]``.

        Raises:
            torch.OutOfMemoryError: not even one prompt fits.
        """
        if self._device.type == "cpu":
            limit = self._limit or self._within(_BYTES_ON_A_CORE)
            return on_every_core(decode, self._parts(prompts, limit))
        results: list[Result] = []
        while len(prompts):
            # Kept: what was free before the first batch is the allocator's afterwards, and less would seem to fit.
            if self._fitting is None:
                self._fitting = FittingBatches(self._device, "prompts", self._limit or self._that_fit())
            batch, result = self._fitting.first(partial(self._first_part, prompts), decode)
            results.append(result)
            prompts = prompts[len(batch) :]
        return results

    def _first_part(self, prompts: Tensor, limit: int) -> Tensor:
        return self._parts(prompts, limit)[0]

    def _parts(self, prompts: Tensor, limit: int) -> Sequence[Tensor]:
        if not self._one_shape or not len(prompts):
            return _equal_parts(prompts, limit)
        *full, last = prompts.split(limit)
        filling = last.new_full((limit - len(last), *last.shape[1:]), float("nan"))
        return [*full, torch.cat([last, filling])]

    def _that_fit(self) -> int:
        if self._device.type != "cuda":
            return _AT_MOST
        free, _ = torch.cuda.mem_get_info(self._device)
        cached = torch.cuda.memory_reserved(self._device) - torch.cuda.memory_allocated(self._device)
        return self._within(int((free + cached) * _SHARE_OF_FREE_MEMORY))

    def _within(self, size: int) -> int:
        return max(1, min(_AT_MOST, size // self._bytes_per_prompt))


def _equal_parts(prompts: Tensor, limit: int) -> tuple[Tensor, ...]:
    """As few consecutive parts as the limit allows, their lengths one apart at most; none of no prompts."""
    return prompts.tensor_split(-(-len(prompts) // limit)) if len(prompts) else ()
