"""Which final masks overlap, and by how many pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from pycocotools import mask as coco_mask
from torch import Tensor

ROWS_AT_ONCE = 64  # fewer would decode the strings too often, more would compute too many pairs twice
# From this average length of a mask's string on (in characters), multiplying the masks' pixels is faster than merging
# their runs; a proposal on a photograph has a few hundred.
_FRAYED = 4000
PIXELS_AT_MOST = 2**29
"""Pixels of all masks of an image together up to which they are held uncompressed: 1024 of 480 x 640 have 2 ** 28.2."""
_PIXELS_AT_ONCE = 8192  # of a product: small enough for sums in float32 to be exact, and for a core's cache


@dataclass(frozen=True)
class Overlaps:
    """Sparse pairwise intersections of an image's final masks. Each unordered pair is stored once.

    Attributes:
        rows: [E] index of one mask, int16 (int32 where an image has more than 32,767 masks).
        cols: [E] index of the other, of the same type, always greater than ``rows``.
        intersections: int32 [E] pixels both masks share, > 0.
    """

    rows: Tensor
    cols: Tensor
    intersections: Tensor

    @staticmethod
    def between(shared: Tensor) -> Overlaps:
        """From a table of all intersections to the pairs that intersect.

        Args:
            shared: int32 [N, N] pixels that each two masks share, on any device.
        """
        rows, cols = shared.triu(1).nonzero().T
        index_type = _index_type(len(shared))
        return Overlaps(rows.to("cpu", index_type), cols.to("cpu", index_type), shared[rows, cols].cpu())

    def within(self, groups: Tensor) -> Overlaps:
        """The pairs whose masks belong to the same group.

        Args:
            groups: int64 [N] group of every mask of the image; masks of a negative group are left out.
        """
        group = groups[self.rows.long()]
        same = ((group == groups[self.cols.long()]) & (group >= 0)).nonzero()[:, 0]
        return Overlaps(self.rows[same], self.cols[same], self.intersections[same])


def _index_type(count: int) -> torch.dtype:
    """The smallest that numbers so many masks."""
    return torch.int16 if count <= torch.iinfo(torch.int16).max else torch.int32


def mask_overlaps(rles: list[dict[str, Any]]) -> Overlaps:
    """Intersections of all pairs of masks of one image, exact, from their run-length encodings.

    pycocotools merges the runs of a pair only when its boxes intersect. At 600 masks of 480x640 that takes an
    eighth of the time of a matrix product of the dense masks.

    Args:
        rles: N COCO encodings of one size.
    """
    characters = sum(len(rle["counts"]) for rle in rles)
    if characters > _FRAYED * len(rles) and len(rles) * math.prod(rles[0]["size"]) <= PIXELS_AT_MOST:
        return Overlaps.between(_intersections(rles))
    index_type = _index_type(len(rles))
    rows, cols, pixels = [], [], []
    for start in range(0, len(rles), ROWS_AT_ONCE):
        block = rles[start : start + ROWS_AT_ONCE]
        others = rles[start:]
        # Against "crowd" masks the IoU's denominator is the first mask's area alone.
        shares = coco_mask.iou(block, others, [1] * len(others))
        shared = np.rint(shares * coco_mask.area(block)[:, None]).astype(np.int64)
        row, col = np.nonzero(np.triu(shared, k=1))
        rows.append(row + start)
        cols.append(col + start)
        pixels.append(shared[row, col])
    if not rows:
        empty = torch.zeros(0, dtype=index_type)
        return Overlaps(empty, empty.clone(), torch.zeros(0, dtype=torch.int32))
    return Overlaps(
        torch.from_numpy(np.concatenate(rows)).to(index_type),
        torch.from_numpy(np.concatenate(cols)).to(index_type),
        torch.from_numpy(np.concatenate(pixels)).to(torch.int32),
    )


def _intersections(rles: list[dict[str, Any]]) -> Tensor:
    """int32 [N, N] pixels that each two masks share. Takes a byte for each pixel of each mask."""
    height, width = rles[0]["size"]
    # pycocotools decodes column-major, mask by mask: this is a view of its own memory.
    masks = torch.from_numpy(coco_mask.decode(rles).reshape(height * width, -1, order="F").T)  # [N, H * W]
    shared = torch.zeros(len(rles), len(rles), dtype=torch.int32)
    for some in masks.split(_PIXELS_AT_ONCE, dim=1):
        pixels = some.float()
        shared += (pixels @ pixels.T).int()
    return shared
