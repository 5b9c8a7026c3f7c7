"""Masks on the grid survive their compression, which is smaller and faster than the pixels."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ntt.masks.compressed import compress_masks, decompress_masks
from ntt.masks.rle import packed_run_starts, run_starts


def noise(seed: int, count: int, side: int, share: float) -> Tensor:
    return torch.rand(count, side, side, generator=torch.Generator().manual_seed(seed)) < share


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 5), st.integers(1, 25), st.sampled_from([0.0, 0.02, 0.5, 0.98, 1.0]))
def test_masks_come_back_as_they_were(seed: int, count: int, side: int, share: float) -> None:
    masks = noise(seed, count, side, share)
    back = decompress_masks(compress_masks(masks))
    assert back.dtype == torch.bool
    assert torch.equal(back, masks)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.integers(1, 4), st.floats(0, 1))
def test_runs_of_64_pixels_at_once_are_those_of_pixel_by_pixel(
    seed: int, count: int, eights: int, share: float
) -> None:
    pixels = noise(seed, count, 8 * eights, share).flatten(1)
    assert packed_run_starts(pixels.numpy()).tolist() == run_starts(pixels).tolist()


def test_runs_end_and_begin_at_the_borders_of_words_and_masks() -> None:
    masks = torch.zeros(6, 8, 16, dtype=torch.bool).view(6, 128)
    masks[0], masks[1, 0], masks[2, 127], masks[3, 63], masks[4, 64:], masks[5, 7:9] = (
        True,
        True,
        True,
        True,
        True,
        True,
    )
    assert packed_run_starts(masks.numpy()).tolist() == run_starts(masks).tolist()


@pytest.mark.parametrize("transposed", [True, False])
def test_masks_need_not_lie_in_one_piece(transposed: bool) -> None:
    masks = noise(3, 4, 16, 0.3)
    given_ = masks.transpose(1, 2).contiguous().transpose(1, 2) if transposed else masks.repeat(2, 1, 1)[::2][:2]
    assert torch.equal(decompress_masks(compress_masks(given_)), given_)


def test_smooth_masks_take_a_hundredth_of_their_bits() -> None:
    y, x = torch.meshgrid(torch.arange(256), torch.arange(256), indexing="ij")
    masks = torch.stack([(y - 90) ** 2 + (x - 20 * i) ** 2 < 400 * (i + 1) for i in range(12)])
    assert len(compress_masks(masks)) < masks.numel() / 8 / 60
