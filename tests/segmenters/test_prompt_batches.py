from __future__ import annotations

import logging

import pytest
import torch
from torch import Tensor

from ntt.segmenters.prompt_batches import PromptBatches


class Memory:
    """Decodes batches that fit, and remembers the size of every attempt."""

    def __init__(self, fits: int) -> None:
        self.fits = fits
        self.attempts: list[int] = []

    def decode(self, prompts: Tensor) -> Tensor:
        self.attempts.append(len(prompts))
        if len(prompts) > self.fits:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return prompts * 2


def batches(configured: int | None, device: str = "cpu") -> PromptBatches:
    return PromptBatches(torch.device(device), configured, bytes_per_prompt=10)


@pytest.mark.parametrize(("count", "sizes"), [(8, [4, 4]), (9, [3, 3, 3]), (10, [4, 3, 3]), (3, [3]), (0, [])])
def test_batches_are_within_the_limit_and_of_nearly_one_size(count: int, sizes: list[int]) -> None:
    memory = Memory(fits=100)

    results = batches(4).map(memory.decode, torch.arange(count))

    assert memory.attempts == sizes
    assert torch.equal(torch.cat([torch.zeros(0, dtype=torch.int64), *results]), torch.arange(count) * 2)


def test_a_batch_that_does_not_fit_is_halved_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    memory, split = Memory(fits=3), batches(16)

    with caplog.at_level(logging.WARNING):
        results = split.map(memory.decode, torch.arange(10))

    assert memory.attempts == [10, 5, 2, 2, 2, 2, 2]
    assert torch.equal(torch.cat(results), torch.arange(10) * 2)
    assert "10 prompts do not fit" in caplog.text
    memory.attempts.clear()
    split.map(memory.decode, torch.arange(4))
    assert memory.attempts == [2, 2]


def test_one_prompt_too_many_is_an_error() -> None:
    with pytest.raises(torch.OutOfMemoryError):
        batches(None).map(Memory(fits=0).decode, torch.arange(3))


def test_a_cpu_takes_a_cache_full() -> None:
    memory = Memory(fits=100)

    batches(None).map(memory.decode, torch.arange(64))

    assert max(memory.attempts) <= 16


@pytest.mark.parametrize(("free", "expected"), [(200, 10), (15, 1), (10**9, 256)])
def test_a_gpu_is_filled_by_half(monkeypatch: pytest.MonkeyPatch, free: int, expected: int) -> None:
    reserved = 40
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (free - reserved if free > reserved else free, 10**9))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda _: reserved if free > reserved else 0)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda _: 0)
    memory = Memory(fits=10**9)

    batches(None, "cuda").map(memory.decode, torch.arange(2560))

    assert memory.attempts[0] == expected
