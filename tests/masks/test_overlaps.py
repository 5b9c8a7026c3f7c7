import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ntt.masks import overlaps as overlaps_module
from ntt.masks.overlaps import mask_overlaps
from ntt.masks.windowed import encode_masks


def listed(overlaps):
    return sorted(zip(overlaps.rows.tolist(), overlaps.cols.tolist(), overlaps.intersections.tolist(), strict=True))


def brute_force(masks):
    count = len(masks)
    pairs = [(i, j, int((masks[i] & masks[j]).sum())) for i in range(count) for j in range(i + 1, count)]
    return [pair for pair in pairs if pair[2] > 0]


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 9), st.floats(0.0, 0.6), st.integers(1, 12), st.integers(1, 12))
def test_equals_brute_force(seed, count, density, height, width):
    masks = torch.rand(count, height, width, generator=torch.Generator().manual_seed(seed)) < density
    assert listed(mask_overlaps(encode_masks(masks))) == brute_force(masks)


def test_blocks_of_rows_join_up(monkeypatch):
    masks = torch.rand(11, 6, 7, generator=torch.Generator().manual_seed(0)) < 0.4
    monkeypatch.setattr(overlaps_module, "ROWS_AT_ONCE", 3)
    assert listed(mask_overlaps(encode_masks(masks))) == brute_force(masks)


def test_frayed_masks_are_compared_pixel_by_pixel_with_the_same_result(monkeypatch):
    masks = torch.rand(7, 120, 160, generator=torch.Generator().manual_seed(0)) < torch.linspace(0, 1, 7)[:, None, None]
    rles = encode_masks(masks)
    frayed = mask_overlaps(rles)
    assert listed(frayed) == brute_force(masks)
    monkeypatch.setattr(overlaps_module, "_FRAYED", 1e9)
    monkeypatch.setattr(overlaps_module, "_intersections", None)
    merged = mask_overlaps(rles)
    for name in ("rows", "cols", "intersections"):
        one, other = getattr(frayed, name), getattr(merged, name)
        assert one.dtype == other.dtype
        assert torch.equal(one, other)


def test_large_intersections_are_exact():
    masks = torch.ones(3, 1201, 997, dtype=torch.bool)
    masks[1, 600, 500] = False
    masks[2, :, ::3] = False
    assert listed(mask_overlaps(encode_masks(masks))) == brute_force(masks)


def test_dtypes_are_compact():
    masks = torch.ones(2, 3, 3, dtype=torch.bool)
    for overlaps in (mask_overlaps(encode_masks(masks)), mask_overlaps([])):
        dtypes = (overlaps.rows.dtype, overlaps.cols.dtype, overlaps.intersections.dtype)
        assert dtypes == (torch.int16, torch.int16, torch.int32)


def test_within_keeps_pairs_of_one_group_only():
    overlaps = mask_overlaps(encode_masks(torch.ones(5, 2, 2, dtype=torch.bool)))
    chosen = overlaps.within(torch.tensor([7, 0, 7, -1, -1]))
    assert listed(chosen) == [(0, 2, 4)]
