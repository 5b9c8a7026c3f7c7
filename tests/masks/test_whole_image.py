"""Whole-image arithmetic gives the masks, strings and overlaps that the CPU's way gives."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco_mask
from torch import Tensor

from ntt.masks import final
from ntt.masks.boxes import mask_boxes
from ntt.masks.final import encode_final
from ntt.masks.overlaps import mask_overlaps
from ntt.masks.rle import compressed_counts, run_starts
from ntt.masks.whole_image import encode_whole_image
from ntt.masks.windowed import encode_logits, encode_masks, rle_areas, rle_boxes


def blobs(count: int, size: int, seed: int) -> Tensor:
    noise = torch.randn(count, 1, 6, 6, generator=torch.Generator().manual_seed(seed))
    return F.interpolate(noise, size=(size, size), mode="bilinear")[:, 0] - 0.6


def encoded(masks: Tensor) -> list[str]:
    """Our strings of bool [N, H, W]."""
    pixels = masks.transpose(1, 2).flatten(1)
    return compressed_counts(run_starts(pixels).numpy(), len(masks), pixels.shape[1])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 5), st.integers(1, 40), st.integers(1, 40), st.floats(0, 1))
def test_strings_are_those_of_pycocotools(seed: int, count: int, height: int, width: int, share: float) -> None:
    masks = torch.rand(count, height, width, generator=torch.Generator().manual_seed(seed)) < share
    assert encoded(masks) == [rle["counts"] for rle in encode_masks(masks)]


def test_strings_of_long_runs_and_of_shrinking_ones() -> None:
    masks = torch.zeros(4, 700, 900, dtype=torch.bool)
    masks[0] = True
    masks[2, 650:, 899] = True
    masks[3, :, 3], masks[3, 5:7, 500], masks[3, 699, 899] = True, True, True
    assert encoded(masks) == [rle["counts"] for rle in encode_masks(masks)]


@pytest.mark.parametrize("size", [(50, 70), (20, 23), (480, 640)])
def test_masks_boxes_areas_and_overlaps_are_those_of_the_cpu(size: tuple[int, int]) -> None:
    logits = blobs(70, 64, seed=1)
    logits[5] = -1.0  # no mask at all
    logits[6] = 1.0
    resized = F.interpolate(logits[None], size, mode="bilinear", align_corners=False, antialias=True)[0]
    expected = encode_masks(resized > 0)

    found, overlaps = encode_final(logits, mask_boxes(logits > 0), *size, whole_image=True)

    assert found.rles == expected
    assert torch.equal(found.boxes, rle_boxes(expected))
    assert torch.equal(found.areas, rle_areas(expected))
    other = mask_overlaps(expected)
    assert len(other.rows) > 100
    for name in ("rows", "cols", "intersections"):
        ours, theirs = getattr(overlaps, name), getattr(other, name)
        assert torch.equal(ours, theirs)
        assert ours.dtype == theirs.dtype
    decided = resized.abs() > 1e-5  # rounding may decide a pixel that lies on the border itself
    on_host, _ = encode_final(logits, mask_boxes(logits > 0), *size, whole_image=False)
    pixels = torch.from_numpy(coco_mask.decode(on_host.rles)).permute(2, 0, 1).bool()
    assert torch.equal(pixels & decided, (resized > 0) & decided)


def test_without_the_memory_for_whole_images_they_are_avoided(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    logits = blobs(3, 64, seed=2)
    boxes = mask_boxes(logits > 0)
    expected, _ = encode_final(logits, boxes, 48, 64, whole_image=False)
    monkeypatch.setattr(final, "encode_whole_image", full)
    found, overlaps = encode_final(logits, boxes, 48, 64, whole_image=True)
    assert found.rles == expected.rles
    assert overlaps.intersections.tolist() == mask_overlaps(expected.rles).intersections.tolist()


def test_masks_larger_than_float16_counts_exactly() -> None:
    logits = torch.ones(2, 8, 8)
    logits[1, 4:] = -1.0
    _, overlaps = encode_whole_image(logits, 301, 211)
    on_host = encode_logits(logits, mask_boxes(logits > 0), 301, 211)
    assert overlaps.intersections.tolist() == mask_overlaps(on_host.rles).intersections.tolist()
    assert overlaps.intersections.item() > 2**14


def test_no_masks() -> None:
    found, overlaps = encode_whole_image(torch.zeros(0, 16, 16), 30, 40)
    assert found.rles == []
    assert found.boxes.shape == (0, 4)
    assert len(overlaps.rows) == 0
