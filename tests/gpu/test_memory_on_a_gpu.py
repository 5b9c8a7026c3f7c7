"""A GPU that runs out of memory decodes smaller batches, with the same results."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ntt.segmenters.prompt_batches import PromptBatches

pytestmark = pytest.mark.gpu

SHARE = 0.05  # of the card's memory that this process may take meanwhile
PROMPTS = 64


def test_batches_are_halved_until_they_fit(device: torch.device, rehearsal: bool) -> None:
    attempts: list[int] = []
    # As much for each prompt that 64 do not fit and 8 do.
    total = 2**20 if rehearsal else torch.cuda.get_device_properties(device).total_memory
    each = int(total * SHARE / 10)

    def decode(prompts: Tensor) -> Tensor:
        attempts.append(len(prompts))
        if rehearsal:
            if len(prompts) * each > total * SHARE:
                raise torch.OutOfMemoryError("as a GPU would")
        else:
            torch.empty(len(prompts) * each, dtype=torch.uint8, device=device)
        return prompts * 2

    if not rehearsal:
        torch.cuda.empty_cache()
        torch.cuda.set_per_process_memory_fraction(SHARE, device)
    try:
        split = PromptBatches(torch.device("cuda"), PROMPTS, bytes_per_prompt=1)
        results = split.map(decode, torch.arange(PROMPTS, device=device))
    finally:
        if not rehearsal:
            torch.cuda.set_per_process_memory_fraction(1.0, device)

    assert torch.equal(torch.cat(results).cpu(), torch.arange(PROMPTS) * 2)
    assert attempts[0] == PROMPTS
    assert set(attempts[1:]) <= {32, 16, 8, 4}
    assert attempts[-1] <= 8
