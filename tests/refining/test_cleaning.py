"""Cleaned masks and boxes against pixels: by hand, and by a slow flood fill."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from ntt.refining.cleaning import Cleaning, cleaned

NOTHING = Cleaning(islands=0, holes=0, trim=0, whole_pixels=True)


def encode(mask):
    rle = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": list(mask.shape), "counts": rle["counts"].decode()}


def clean_one(mask, **options):
    (rle,), (box,) = cleaned([encode(mask)], Cleaning(**{**vars(NOTHING), **options}))
    return coco_mask.decode(rle).astype(bool), box


def picture(text):
    return np.array([[character == "#" for character in line] for line in text.split()])


STRAY = picture("""
    .........#
    .####.....
    .#..#.....
    .#..#.....
    .####.....
    ..........
    #.........
""")


def test_an_island_and_a_hole_go_and_the_box_fits_the_object():
    same, box = clean_one(STRAY)
    assert np.array_equal(same, STRAY)
    assert box == [0, 0, 10, 7]
    found, box = clean_one(STRAY, islands=0.1, holes=0.4)
    assert np.argwhere(found).tolist() == [[y, x] for y in range(1, 5) for x in range(1, 5)]
    assert box == [1, 1, 4, 4]
    assert clean_one(STRAY, islands=0.1, whole_pixels=False)[1] == [1, 1, 3, 3]  # as published
    assert clean_one(STRAY, islands=0.1, holes=0.4)[0].sum() == 16
    assert clean_one(STRAY, islands=0.1, holes=0.1)[0].sum() == 12  # a third is not small
    assert clean_one(STRAY, trim=0.08)[1] == [1, 1, 4, 4]  # the mask is as it was, the box leaves a pixel out


def test_of_two_equal_parts_one_is_the_largest():
    mask = picture("##.## ##.##")
    assert clean_one(mask, islands=1)[0].sum() == 4
    assert clean_one(mask, islands=0.9)[0].sum() == 8


def test_what_touches_at_a_corner_is_one_part_and_no_hole_leaks_through_it():
    assert clean_one(picture("#.. .#. ..#"), islands=1)[0].sum() == 3
    assert clean_one(picture(".#. #.# .#."), holes=1)[0].sum() == 5


def flood(mask, corners):
    """Labels of the true pixels, from 1."""
    labels, count = np.zeros(mask.shape, dtype=int), 0
    for start in np.argwhere(mask):
        if labels[tuple(start)]:
            continue
        count += 1
        waiting = [tuple(start)]
        while waiting:
            y, x = waiting.pop()
            inside = 0 <= y < mask.shape[0] and 0 <= x < mask.shape[1]
            if not inside or not mask[y, x] or labels[y, x]:
                continue
            labels[y, x] = count
            waiting += [(y + a, x + b) for a in (-1, 0, 1) for b in (-1, 0, 1) if corners or 0 in (a, b)]
    return labels


def slow(mask, islands, holes):
    parts = flood(mask, corners=True)
    areas = np.bincount(parts.ravel())
    areas[0] = 0
    kept = np.isin(parts, np.flatnonzero(areas >= max(islands * areas.max(), 1)))
    filled = kept.copy()
    outside = flood(~kept, corners=False)
    for label in range(1, outside.max() + 1):
        y, x = np.nonzero(outside == label)
        touches = y.min() == 0 or x.min() == 0 or y.max() == mask.shape[0] - 1 or x.max() == mask.shape[1] - 1
        if not touches and len(y) <= holes * kept.sum():
            filled[y, x] = True
    return filled


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.integers(1, 9), st.sampled_from([0.2, 0.5, 0.8]))
def test_many_masks_at_once_equal_a_flood_fill(seed, height, width, density):
    generator = np.random.default_rng(seed)
    masks = generator.random((5, height, width)) < density
    masks[:, seed % height, seed % width] = True
    rles, boxes = cleaned([encode(mask) for mask in masks], Cleaning(0.4, 0.3, 0.0, True))
    for mask, rle, box in zip(masks, rles, boxes, strict=True):
        expected = slow(mask, 0.4, 0.3)
        assert np.array_equal(coco_mask.decode(rle).astype(bool), expected)
        assert rle == encode(expected)
        assert box == coco_mask.toBbox(rle).tolist()


@pytest.mark.parametrize("trim", [0.0, 0.05, 0.2])
def test_no_side_of_a_box_leaves_out_more_than_its_share(trim):
    mask = np.random.default_rng(3).random((40, 30)) < np.linspace(0, 1, 30) ** 2
    x, y, width, height = map(int, clean_one(mask, trim=trim)[1])
    sides = (mask[:, :x], mask[:, x + width :], mask[:y], mask[y + height :])
    assert all(side.sum() <= trim * mask.sum() for side in sides)
    wider = (mask[:, : x + 1], mask[:, x + width - 1 :], mask[: y + 1], mask[y + height - 1 :])
    assert all(side.sum() > trim * mask.sum() for side in wider)


def test_no_mask():
    assert cleaned([], NOTHING) == ([], [])
