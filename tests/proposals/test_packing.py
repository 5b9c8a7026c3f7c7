"""Crowded images are compressed on disk, others are not, and both come back as they were."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import load, save

from ntt.masks.overlaps import Overlaps
from ntt.proposals import packing
from ntt.proposals.packing import packed, unpacked
from ntt.proposals.stored_pairs import pairs_from_tensors, pairs_to_tensors


@pytest.mark.parametrize(("limit", "name"), [(4, "rle"), (3, "rle_zlib"), (0, "rle_zlib")])
def test_the_limit_is_of_bytes_an_image(monkeypatch: pytest.MonkeyPatch, limit: int, name: str) -> None:
    monkeypatch.setattr(packing, "FEW", limit)
    tensors = load(save(packed("rle", b"abcdefgh", images=2)))
    assert list(tensors) == [name]
    assert unpacked(tensors, "rle").tobytes() == b"abcdefgh"


def test_nothing_comes_back_as_nothing() -> None:
    assert unpacked(packed("rle", b"", images=1), "rle").tobytes() == b""


@pytest.mark.parametrize("limit", [packing.FEW, 0])
@pytest.mark.parametrize("index", [torch.int16, torch.int32])
def test_pairs_come_back_compressed_or_not(monkeypatch: pytest.MonkeyPatch, limit: int, index: torch.dtype) -> None:
    monkeypatch.setattr(packing, "FEW", limit)
    none = torch.zeros(0, dtype=index)
    some = Overlaps(
        torch.tensor([0, 0, 2], dtype=index),
        torch.tensor([1, 3, 3], dtype=index),
        torch.tensor([1, 2**24 + 258, 65536]),
    )
    images, counts = [some, Overlaps(none, none, none.int()), some], [4, 0, 5]
    found = pairs_from_tensors(load(save(pairs_to_tensors(images, counts))), counts, [3, 0, 3])
    for ours, theirs in zip(found, images, strict=True):
        assert ours.rows.dtype == ours.cols.dtype == index
        assert ours.rows.tolist() == theirs.rows.tolist()
        assert ours.cols.tolist() == theirs.cols.tolist()
        assert ours.intersections.dtype == torch.int32
        assert ours.intersections.tolist() == theirs.intersections.tolist()


def test_a_crowd_in_which_every_two_masks_overlap_takes_less_than_half_of_five_bytes_a_pair() -> None:
    rows, cols = torch.triu_indices(900, 900, 1).short()
    pixels = torch.randint(2**16, 2**16 + 2**12, rows.shape, generator=torch.Generator().manual_seed(0)).int()
    tensors = pairs_to_tensors([Overlaps(rows, cols, pixels)], [900])
    assert sum(tensor.nbytes for tensor in tensors.values()) < 2.5 * len(rows)
    (found,) = pairs_from_tensors(tensors, [900], [len(rows)])
    assert torch.equal(found.rows, rows)
    assert torch.equal(found.cols, cols)
    assert torch.equal(found.intersections, pixels)
