"""How many prompts are decoded together."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor

log = logging.getLogger(__name__)

# Few, so that their attention maps (1 MiB a prompt and layer) stay in a processor's cache from step to step.
_ON_A_CPU = 4
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
    """

    def __init__(self, device: torch.device, configured: int | None, bytes_per_prompt: int) -> None:
        self._device = device
        self._limit = configured
        self._bytes_per_prompt = bytes_per_prompt

    def map(self, decode: Callable[[Tensor], Result], prompts: Tensor) -> list[Result]:
        """``decode`` of consecutive batches of prompts, in order.

        Batches are as equal as can be, so that nearly all have one shape. Where a GPU runs out of memory the batch is
        halved and tried again, and later batches stay as small.

        Args:
            decode: of ``[b, ...]`` prompts.
            prompts: ``[P, ...]``.

        Raises:
            torch.OutOfMemoryError: not even one prompt fits.
        """
        results: list[Result] = []
        done = 0
        while done < len(prompts):
            remaining = len(prompts) - done
            limit = self._limit if self._limit is not None else self._that_fit()
            count = -(-remaining // -(-remaining // limit))
            try:
                results.append(decode(prompts[done : done + count]))
            except torch.OutOfMemoryError:
                if count == 1:
                    raise
                self._limit = count // 2
                log.warning("%d prompts do not fit into %s: %d at once from here on", count, self._device, self._limit)
                torch.cuda.empty_cache()
                continue
            # What was free before the first batch is now the allocator's: asked again, less would seem to fit.
            self._limit = self._limit or limit
            done += count
        return results

    def _that_fit(self) -> int:
        if self._device.type != "cuda":
            return _ON_A_CPU
        free, _ = torch.cuda.mem_get_info(self._device)
        cached = torch.cuda.memory_reserved(self._device) - torch.cuda.memory_allocated(self._device)
        fitting = int((free + cached) * _SHARE_OF_FREE_MEMORY) // self._bytes_per_prompt
        return max(1, min(_AT_MOST, fitting))
