from __future__ import annotations

import logging
import threading

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


def batches(configured: int | None, device: str) -> PromptBatches:
    return PromptBatches(torch.device(device), configured, bytes_per_prompt=10)


@pytest.mark.parametrize(("count", "sizes"), [(8, [4, 4]), (9, [3, 3, 3]), (10, [4, 3, 3]), (3, [3]), (0, [])])
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_batches_are_within_the_limit_and_of_nearly_one_size(count: int, sizes: list[int], device: str) -> None:
    memory = Memory(fits=100)

    results = batches(4, device).map(memory.decode, torch.arange(count))

    assert sorted(memory.attempts, reverse=True) == sizes
    assert torch.equal(torch.cat([torch.zeros(0, dtype=torch.int64), *results]), torch.arange(count) * 2)


def test_a_batch_that_does_not_fit_is_halved_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    memory, split = Memory(fits=3), batches(16, "cuda")

    with caplog.at_level(logging.WARNING):
        results = split.map(memory.decode, torch.arange(10))

    assert memory.attempts == [10, 5, 2, 2, 2, 2, 2]
    assert torch.equal(torch.cat(results), torch.arange(10) * 2)
    assert "10 prompts do not fit" in caplog.text
    memory.attempts.clear()
    split.map(memory.decode, torch.arange(4))
    assert memory.attempts == [2, 2]


@pytest.mark.parametrize(("count", "batches_of_four"), [(8, 2), (9, 3), (1, 1), (0, 0)])
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_batches_of_one_shape_are_filled_up_with_no_numbers(count: int, batches_of_four: int, device: str) -> None:
    memory, prompts = Memory(fits=100), torch.arange(2.0 * count).view(count, 2)
    split = PromptBatches(torch.device(device), 4, bytes_per_prompt=10, one_shape=True)

    results = split.map(memory.decode, prompts)

    assert memory.attempts == [4] * batches_of_four
    decoded = torch.cat([torch.zeros(0, 2), *results])
    assert torch.equal(decoded[:count], prompts * 2)
    assert decoded[count:].isnan().all()


def test_one_shape_is_halved_as_well() -> None:
    memory = Memory(fits=3)
    split = PromptBatches(torch.device("cuda"), 8, bytes_per_prompt=10, one_shape=True)

    results = split.map(memory.decode, torch.arange(5.0))

    assert memory.attempts == [8, 4, 2, 2, 2]
    assert torch.cat(results)[:5].tolist() == [0, 2, 4, 6, 8]


def test_one_prompt_too_many_is_an_error() -> None:
    with pytest.raises(torch.OutOfMemoryError):
        batches(2, "cuda").map(Memory(fits=0).decode, torch.arange(3))


@pytest.mark.parametrize(("bytes_per_prompt", "expected"), [(16 * 2**20, 4), (2**20, 64), (2**30, 1), (1, 256)])
def test_a_cpu_takes_a_cache_full(bytes_per_prompt: int, expected: int) -> None:
    memory = Memory(fits=1000)

    PromptBatches(torch.device("cpu"), None, bytes_per_prompt).map(memory.decode, torch.arange(256))

    assert max(memory.attempts) == expected


def test_cores_work_on_batches_of_their_own() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        together = threading.Barrier(2, timeout=20)

        def decode(prompts: Tensor) -> tuple[int, list[int]]:
            together.wait()
            return torch.get_num_threads(), prompts.tolist()

        results = batches(3, "cpu").map(decode, torch.arange(6))

        assert results == [(1, [0, 1, 2]), (1, [3, 4, 5])]
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(("free", "expected"), [(200, 10), (15, 1), (10**9, 256)])
def test_a_gpu_is_filled_by_half(monkeypatch: pytest.MonkeyPatch, free: int, expected: int) -> None:
    reserved = 40
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (free - reserved if free > reserved else free, 10**9))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda _: reserved if free > reserved else 0)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda _: 0)
    memory = Memory(fits=10**9)

    batches(None, "cuda").map(memory.decode, torch.arange(2560))

    assert memory.attempts[0] == expected
