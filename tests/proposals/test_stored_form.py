"""The stored form of masks and vectors: every value comes back, and files written once stay readable."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load, load_file, save
from torch import Tensor

from ntt.masks.boxes import mask_boxes
from ntt.masks.compressed import compress_masks
from ntt.masks.overlaps import Overlaps, mask_overlaps
from ntt.masks.windowed import encode_masks, rle_areas, rle_boxes
from ntt.proposals.image_proposals import ImageMasks
from ntt.proposals.stored_form import (
    StoredGrids,
    belong_together,
    digest_of,
    grids_to_tensors,
    masks_from_tensors,
    masks_to_tensors,
    proposals_from_tensors,
    vectors_to_tensors,
)

COMMITTED = Path(__file__).parent / "stored"
FIELDS = ("predicted_iou", "boxes_low", "boxes", "areas")


def image(seed: int, count: int, height: int, width: int) -> tuple[ImageMasks, Tensor, Tensor]:
    """An image of rectangles: its masks, the same on a grid of 16 x 16, and its vectors."""
    generator = torch.Generator().manual_seed(seed)
    grid = torch.zeros(count, 16, 16, dtype=torch.bool)
    for mask in grid:
        top, left = torch.randint(0, 12, (2,), generator=generator).tolist()
        mask[top : top + 5, left : left + 4] = True
    rows, columns = torch.arange(height) * 16 // height, torch.arange(width) * 16 // width
    rles = encode_masks(grid[:, rows][:, :, columns])
    masks = ImageMasks(
        height,
        width,
        torch.rand(count, generator=generator),
        mask_boxes(grid),
        rle_boxes(rles),
        rle_areas(rles),
        [rle["counts"] for rle in rles],
        mask_overlaps(rles),
    )
    return masks, grid, torch.randn(count, 3, generator=generator).half()


def stored(images: list[tuple[ImageMasks, Tensor, Tensor]]) -> list[dict[str, Tensor]]:
    """The three files of these images."""
    grids = [compress_masks(grid) if len(grid) else b"" for _, grid, _ in images]
    digest = digest_of(grids)
    masks = masks_to_tensors([masks for masks, _, _ in images], digest)
    return [masks, grids_to_tensors(grids), vectors_to_tensors([vectors for *_, vectors in images], digest)]


def assert_same(found: ImageMasks, expected: ImageMasks) -> None:
    assert (found.height, found.width, found.counts) == (expected.height, expected.width, expected.counts)
    pairs = [(getattr(found, name), getattr(expected, name)) for name in FIELDS]
    pairs += [
        (getattr(found.overlaps, name), getattr(expected.overlaps, name)) for name in ("rows", "cols", "intersections")
    ]
    for ours, theirs in pairs:
        assert torch.equal(ours, theirs)
        assert ours.dtype == theirs.dtype


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 6), st.integers(16, 40), st.integers(16, 40)), min_size=1))
def test_every_value_of_every_image_comes_back(wanted: list[tuple[int, int, int, int]]) -> None:
    images = [image(*each) for each in wanted]
    masks, grids, vectors = [load(save(tensors)) for tensors in stored(images)]

    for found, (expected, _, _) in zip(masks_from_tensors(masks), images, strict=True):
        assert_same(found, expected)
    for proposals, (expected, _, own) in zip(proposals_from_tensors(masks, vectors), images, strict=True):
        assert_same(proposals, expected)  # type: ignore[arg-type]
        assert torch.equal(proposals.vectors, own if len(own) else proposals.vectors)
        assert [proposals.rle(i)["size"] for i in range(len(proposals))] == [[expected.height, expected.width]] * len(
            own
        )
    kept = StoredGrids(masks, grids)
    for index, (_, grid, _) in enumerate(images):
        assert len(kept.of(index)) == len(grid)
        assert not len(grid) or torch.equal(kept.of(index), grid)
    assert torch.equal(kept.digest, masks["grid_digest"])


def test_equal_images_give_equal_bytes_whatever_they_share_memory_with() -> None:
    once = [save(tensors) for tensors in stored([image(1, 4, 30, 40), image(2, 0, 9, 9)])]
    padded = []
    for masks, grid, vectors in [image(1, 4, 30, 40), image(2, 0, 9, 9)]:
        padded.append((masks, grid.repeat(2, 1, 1)[: len(grid)], torch.cat([vectors, vectors])[: len(vectors)]))
    assert [save(tensors) for tensors in stored(padded)] == once


def test_vectors_know_the_masks_they_were_pooled_under() -> None:
    one, other = stored([image(1, 4, 30, 40)]), stored([image(2, 4, 30, 40)])
    assert belong_together(one[0], one[2])
    assert not belong_together(one[0], other[2])


def test_images_without_masks_have_vectors_of_no_width_and_no_rows() -> None:
    masks, grids, vectors = stored([image(0, 0, 10, 12), image(0, 0, 20, 5)])
    assert [(len(each), each.height, each.width) for each in proposals_from_tensors(masks, vectors)] == [
        (0, 10, 12),
        (0, 20, 5),
    ]
    assert [len(StoredGrids(masks, grids).of(index)) for index in range(2)] == [0, 0]


@pytest.mark.parametrize("pixels", [1, 65535, 65536, 2**24 - 1, 2**24, 2**31 - 1])
def test_any_number_of_shared_pixels_comes_back(pixels: int) -> None:
    masks, _, _ = image(5, 5, 30, 40)
    pairs = Overlaps(
        torch.tensor([0, 0, 3]).short(), torch.tensor([2, 4, 4]).short(), torch.tensor([3, pixels, 7]).int()
    )
    one = replace(masks, overlaps=pairs)
    found = masks_from_tensors(masks_to_tensors([masks, one, masks], digest_of([])))
    assert_same(found[1], one)
    assert_same(found[2], masks)


def test_a_committed_file_is_read_as_it_was_written() -> None:
    """Two images of five and of no masks, written by `python tests/proposals/test_stored_form.py`."""
    masks, grids, vectors = (
        load_file(COMMITTED / f"{name}.safetensors") for name in ("masks", "grid_masks", "vectors")
    )
    first, second = proposals_from_tensors(masks, vectors)
    assert (first.height, first.width, len(first), len(second), second.height) == (30, 40, 5, 0, 9)
    assert first.boxes.tolist() == EXPECTED["boxes"]
    assert first.boxes_low.tolist() == EXPECTED["boxes_low"]
    assert first.areas.tolist() == EXPECTED["areas"]
    assert first.counts == EXPECTED["counts"]
    assert first.predicted_iou.tolist() == pytest.approx(EXPECTED["predicted_iou"])
    overlaps = first.overlaps
    assert (
        list(zip(overlaps.rows.tolist(), overlaps.cols.tolist(), overlaps.intersections.tolist(), strict=True))
        == (EXPECTED["overlaps"])
    )
    assert first.vectors.dtype == torch.float16
    assert first.vectors.float().sum(1).tolist() == pytest.approx(EXPECTED["vector_sums"])
    assert mask_boxes(StoredGrids(masks, grids).of(0)).tolist() == EXPECTED["boxes_low"]


TWO_IMAGES = ((5, 5, 30, 40), (2, 0, 9, 9))
EXPECTED: dict[str, list] = {
    "predicted_iou": [
        0.6064285635948181,
        0.5645712614059448,
        0.07241219282150269,
        0.6593389511108398,
        0.7150057554244995,
    ],
    "boxes_low": [[6, 11, 9, 15], [9, 7, 12, 11], [10, 2, 13, 6], [5, 4, 8, 8], [4, 0, 7, 4]],
    "boxes": [[15, 21, 24, 29], [23, 14, 32, 22], [25, 4, 34, 13], [13, 8, 22, 16], [10, 0, 19, 9]],
    "areas": [90, 90, 100, 90, 100],
    "counts": [
        "g>9e000000000000000000]=",
        "Pf09e000000000000000000T6",
        "bg0:d000000000000000000b4",
        "^<9e000000000000000000f?",
        "\\9:d000000000000000000hb0",
    ],
    "overlaps": [(0, 1, 4), (3, 4, 14)],
    "vector_sums": [-1.22802734375, 1.606689453125, 1.4202880859375, 2.078857421875, 0.789794921875],
}


if __name__ == "__main__":
    COMMITTED.mkdir(exist_ok=True)
    written = stored([image(*each) for each in TWO_IMAGES])
    for file, content in zip(("masks", "grid_masks", "vectors"), written, strict=True):
        (COMMITTED / f"{file}.safetensors").write_bytes(save(content))
