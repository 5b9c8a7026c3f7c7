"""Stray pixels: islands and holes of masks, and boxes that are as large as the object rather than as its last pixel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ntt.data.rle import run_lengths
from ntt.refining.segments import Ints, Segments, background, components, encoded, segments_of


@dataclass(frozen=True)
class Cleaning:
    """What is taken for stray.

    Attributes:
        islands: a connected part of a mask stays if it has at least this share of the largest part's pixels; 0 keeps
            all, 1 the largest alone.
        holes: a hole is filled if it has at most this share of the mask's pixels; 0 fills none.
        trim: share of the mask's pixels that the box may leave out on each side; 0 is the mask's extent.
        whole_pixels: a box reaches to the end of its last pixel, as ground truth has it; false is the published
            ``x2 - x1`` of inclusive corners.
    """

    islands: float
    holes: float
    trim: float
    whole_pixels: bool


def cleaned(rles: Sequence[dict[str, Any]], how: Cleaning) -> tuple[list[dict[str, Any]], list[list[float]]]:
    """The masks of an image without islands and holes, and their boxes.

    Args:
        rles: N COCO segmentations of one size, none empty.
        how: what is taken for stray.

    Returns:
        N segmentations and N boxes, (x, y, width, height) in pixels. Without islands and holes to look for the
        segmentations are those given.
    """
    if not rles:
        return [], []
    height, width = rles[0]["size"]
    found = segments_of([run_lengths(rle, height, width) for rle in rles], height)
    if how.islands > 0:
        found = _without_islands(found, len(rles), height, width, how.islands)
    if how.holes > 0:
        found = _filled(found, len(rles), height, width, how.holes)
    changed = how.islands > 0 or how.holes > 0
    masks = list(rles)
    if changed:
        masks = [{"size": [height, width], "counts": one} for one in encoded(found, len(rles), height, width)]
    return masks, trimmed_boxes(found, len(rles), height, width, how.trim, how.whole_pixels)


def _without_islands(found: Segments, count: int, height: int, width: int, share: float) -> Segments:
    label = components(found, height, width, corners=True)
    areas = np.bincount(label, weights=found.pixels, minlength=len(label))[label]  # of each segment's part
    largest = np.zeros(count)
    np.maximum.at(largest, found.owner, areas)
    kept = areas >= share * largest[found.owner]
    if share >= 1:  # of equally large parts the first
        first = np.full(count, len(label))
        np.minimum.at(first, found.owner[kept], label[kept])
        kept &= label == first[found.owner]
    return found.where(kept)


def _filled(found: Segments, count: int, height: int, width: int, share: float) -> Segments:
    outside = background(found, count, height, width)
    label = components(outside, height, width, corners=False)
    areas = np.bincount(label, weights=outside.pixels, minlength=len(label))
    edge = (outside.top == 0) | (outside.bottom == height) | (outside.column == 0) | (outside.column == width - 1)
    open_ = np.zeros(len(label), dtype=bool)
    open_[label[edge]] = True
    pixels = np.bincount(found.owner, weights=found.pixels, minlength=count)
    small = ~open_[label] & (areas[label] <= share * pixels[outside.owner])
    holes = outside.where(small)
    owner = np.concatenate([found.owner, holes.owner])
    column = np.concatenate([found.column, holes.column])
    top = np.concatenate([found.top, holes.top])
    order = np.lexsort((top, column, owner))
    bottom = np.concatenate([found.bottom, holes.bottom])
    return Segments(owner[order], column[order], top[order], bottom[order])


def trimmed_boxes(
    found: Segments, count: int, height: int, width: int, trim: float, whole_pixels: bool
) -> list[list[float]]:
    """Of each mask the box that leaves out at most a share ``trim`` of its pixels on each side: x, y, width, height."""
    columns = np.bincount(found.owner * width + found.column, weights=found.pixels, minlength=count * width)
    # A segment adds one to each of its rows: +1 where it begins, -1 behind its end, summed up.
    row = found.owner * (height + 1)
    steps = np.bincount(row + found.top, minlength=count * (height + 1))
    steps = steps - np.bincount(row + found.bottom, minlength=count * (height + 1))
    rows = steps.reshape(count, height + 1).cumsum(1)[:, :height]
    left, right = _extents(columns.astype(np.float64).reshape(count, width), trim)
    top, bottom = _extents(rows.astype(np.float64), trim)
    more = int(whole_pixels)
    sides = np.stack([left, top, right - left + more, bottom - top + more], axis=1)
    boxes: list[list[float]] = sides.astype(float).tolist()
    return boxes


def _extents(profile: NDArray[np.float64], trim: float) -> tuple[Ints, Ints]:
    """First and last index of each row of [N, L] with more than the trimmed share before it, itself included."""
    limit = trim * profile.sum(1, keepdims=True)
    first = (profile.cumsum(1) > limit).argmax(1)
    last = profile.shape[1] - 1 - (profile[:, ::-1].cumsum(1) > limit).argmax(1)
    return first, last
