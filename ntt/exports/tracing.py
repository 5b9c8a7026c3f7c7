"""From masks to polygons: outlines along the pixels' edges, thinned out, holes joined to what is around them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

Ring = NDArray[np.float64]
"""[N, 2], x and y in pixels, corner (0, 0) at the image's top left; the last point is not the first again."""


def polygons(mask: NDArray[np.uint8], tolerance: float) -> list[Ring]:
    """One ring for each connected part of a mask.

    A hole is joined to the ring around it by a line that goes there and back, which no filling rule sees.

    Args:
        mask: [H, W], not 0 inside.
        tolerance: by how many pixels a ring may stray from the outline.
    """
    return [joined([thinned(ring, tolerance) for ring in part]) for part in outlines(mask)]


def outlines(mask: NDArray[np.uint8]) -> list[list[Ring]]:
    """The rings of each connected part: its border, then those of its holes."""
    import contourpy

    height, width = mask.shape
    padded = np.pad((mask > 0).astype(np.float64), 1)
    generator = contourpy.contour_generator(
        np.arange(-1, width + 1) + 0.5, np.arange(-1, height + 1) + 0.5, padded, fill_type="OuterOffset"
    )
    parts = []
    for points, offsets in zip(*generator.filled(0.5, 2.0), strict=True):
        rings = [points[start : end - 1] for start, end in pairwise(offsets)]
        parts.append(rings)
    return parts


def thinned(ring: Ring, tolerance: float) -> Ring:
    """The ring without points that lie within the tolerance of the line between others (Douglas and Peucker)."""
    if len(ring) < 5:
        return ring
    closed = np.concatenate([ring, ring[:1]])
    middle = int(np.argmax(((closed - closed[0]) ** 2).sum(1)))
    kept = np.zeros(len(closed), dtype=bool)
    kept[[0, middle, len(ring)]] = True
    spans = [(0, middle), (middle, len(ring))]
    while spans:
        start, end = spans.pop()
        if end - start < 2:
            continue
        apart = _distances(closed[start + 1 : end], closed[start], closed[end])
        farthest = int(apart.argmax())
        if apart[farthest] > tolerance:
            place = start + 1 + farthest
            kept[place] = True
            spans += [(start, place), (place, end)]
    fewer = closed[:-1][kept[:-1]]
    return fewer if len(fewer) >= 3 else ring


def _distances(points: Ring, first: NDArray[np.float64], last: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of points from the piece between two others."""
    along = last - first
    squared = float(along @ along)
    share = np.clip((points - first) @ along / squared, 0, 1) if squared else np.zeros(len(points))
    apart: NDArray[np.float64] = np.hypot(*(points - first - share[:, None] * along).T)
    return apart


def joined(rings: Sequence[Ring]) -> Ring:
    """One ring of several, by lines there and back between their nearest points."""
    whole = rings[0]
    for ring in rings[1:]:
        apart = ((whole[:, None] - ring[None]) ** 2).sum(2)
        here, there = np.unravel_index(int(apart.argmin()), apart.shape)
        around = np.concatenate([ring[there:], ring[: there + 1]])
        whole = np.concatenate([whole[: here + 1], around, whole[here:]])
    return whole


def box_ring(box: tuple[int, int, int, int]) -> Ring:
    """The four corners of x, y, width, height: for a mask so small that its outline covers no pixel."""
    x, y, width, height = box
    return np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]], dtype=np.float64)


def drawn_iou(rings: Sequence[Ring], rle: dict[str, Any]) -> float:
    """IoU of the rings, filled as COCO fills polygons, with the mask that they were made of."""
    height, width = rle["size"]
    flat = [ring.reshape(-1).tolist() for ring in rings]
    drawn = coco_mask.merge(coco_mask.frPyObjects(flat, height, width))
    return float(coco_mask.iou([drawn], [rle], [0])[0, 0])
