"""COCO's segmentations, polygons and run lengths, as masks.

pycocotools does not check what it draws: a damaged string of run lengths overwrites its memory.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

# Rasterising takes memory in proportion to a polygon's length: a stray exponent in a file would exhaust it.
_FARTHEST_COORDINATE = 100_000.0
# Of a compressed number: 5 bits a character, so no more than 35 bits.
_MOST_CHARACTERS = 7


def segmentation_mask(segmentation: dict[str, Any] | list[Any], height: int, width: int) -> NDArray[np.uint8]:
    """uint8 [H, W] of 0 and 1.

    Args:
        segmentation: a list of polygons ``[x0, y0, x1, y1, ...]``, or an RLE dict, compressed or not.
        height: of the image, in pixels.
        width: of the image, in pixels.

    Raises:
        ValueError, KeyError, TypeError: it is malformed, or an RLE's size is not the image's.
    """
    if isinstance(segmentation, dict):
        runs = _run_lengths(segmentation, height, width)
        values = (np.arange(len(runs)) % 2).astype(np.uint8)
        # RLE runs down the columns, beginning with background.
        return np.ascontiguousarray(np.repeat(values, runs).reshape(width, height).T)
    shapes = _shapes(segmentation)
    if not shapes:
        return np.zeros((height, width), dtype=np.uint8)
    rles = coco_mask.frPyObjects([shape.tolist() for shape in shapes], height, width)
    return np.ascontiguousarray(coco_mask.decode(coco_mask.merge(rles)))


def check_segmentation(segmentation: dict[str, Any] | list[Any], height: int, width: int) -> None:
    """Raises what :func:`segmentation_mask` would, without drawing."""
    if isinstance(segmentation, dict):
        _run_lengths(segmentation, height, width)
    else:
        _shapes(segmentation)


def _run_lengths(rle: dict[str, Any], height: int, width: int) -> NDArray[np.integer]:
    """Pixels of each run, which together are the image; raises ValueError, TypeError or KeyError if they are not."""
    if list(rle["size"]) != [height, width] or not all(type(side) is int for side in rle["size"]):
        raise ValueError(f"its RLE size [height, width] is {rle['size']}")
    counts = rle["counts"]
    runs = np.asarray(_decompressed(counts) if isinstance(counts, (str, bytes)) else counts)
    if counts == []:
        raise ValueError("it has no RLE counts")
    if not np.issubdtype(runs.dtype, np.integer) or runs.ndim != 1 or runs.min() < 0:
        raise ValueError("its RLE counts are not whole run lengths")
    # The longest first: a sum of many longest numbers wraps round.
    if runs.max() > height * width or runs.sum() != height * width:
        raise ValueError(f"its RLE counts add up to {sum(runs.tolist())} pixels")
    return runs


def _decompressed(counts: str | bytes) -> NDArray[np.int64]:
    """Run lengths of COCO's compressed RLE: 5 bits a character, from the fourth run on as differences."""
    text = counts.encode("ascii") if isinstance(counts, str) else counts
    digits = np.frombuffer(text, dtype=np.uint8).astype(np.int64) - 48
    if not len(digits) or digits.min() < 0 or digits.max() > 63:
        raise ValueError("its RLE counts are no compressed run lengths")
    ends = np.flatnonzero(digits & 0x20 == 0)
    if not len(ends) or ends[-1] != len(digits) - 1:
        raise ValueError("its RLE counts end in the middle of a run")
    starts = np.concatenate([[0], ends[:-1] + 1])
    lengths = ends - starts + 1
    if lengths.max() > _MOST_CHARACTERS:
        raise ValueError("its RLE counts are no compressed run lengths")
    shifts = 5 * (np.arange(len(digits)) - np.repeat(starts, lengths))
    values = np.add.reduceat((digits & 0x1F) << shifts, starts)
    values = np.where(digits[ends] & 0x10, values - (np.int64(1) << 5 * lengths), values)
    values[1::2] = values[1::2].cumsum()  # each the difference to the last but one
    values[2::2] = values[2::2].cumsum()
    return values


def _shapes(polygons: list[Any]) -> list[NDArray[np.float64]]:
    """The polygons that cover something; raises ValueError or TypeError where one is none."""
    shapes = [np.asarray(polygon, dtype=np.float64) for polygon in polygons]
    for shape in shapes:
        if shape.ndim != 1 or len(shape) % 2:
            raise ValueError("a polygon must be one flat list x0, y0, x1, y1, ...")
        if not (np.abs(shape) <= _FARTHEST_COORDINATE).all():
            raise ValueError(f"a polygon's coordinate is not a number or beyond {_FARTHEST_COORDINATE:.0f} pixels")
    # pycocotools would take a list of four numbers for a box.
    return [shape for shape in shapes if len(shape) >= 6]
