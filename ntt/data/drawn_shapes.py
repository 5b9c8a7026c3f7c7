"""What labelling programs let people draw, as COCO's polygons; masks as COCO's RLE; several parts of one object."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from ntt.data.geometry import Segmentation
from ntt.data.polygons import united_rle

Point = tuple[float, float]
"""x, y in pixels."""

_DEVIATION = 0.1  # pixels by which a circle's polygon may lie inside it


def rectangle_polygon(one: Point, other: Point) -> list[float]:
    """The polygon of a rectangle with these opposite corners."""
    (x1, y1), (x2, y2) = one, other
    return [x1, y1, x2, y1, x2, y2, x1, y2]


def circle_polygon(centre: Point, edge: Point) -> list[float]:
    """The polygon of a circle around `centre` through `edge`, nowhere more than a tenth of a pixel inside it."""
    radius = math.dist(centre, edge)
    if radius <= _DEVIATION:
        return []
    corners = max(12, math.ceil(math.pi / math.acos(1 - _DEVIATION / radius)))
    angles = [2 * math.pi * corner / corners for corner in range(corners)]
    return [value for a in angles for value in (centre[0] + radius * math.cos(a), centre[1] + radius * math.sin(a))]


def mask_rle(mask: NDArray[Any]) -> dict[str, Any]:
    """A mask, [H, W], as COCO's compressed RLE; whatever is not zero is the object."""
    encoded = coco_mask.encode(np.asfortranarray(mask != 0).astype(np.uint8, order="F"))
    return {"size": [int(side) for side in encoded["size"]], "counts": encoded["counts"].decode("ascii")}


def joined(parts: Sequence[Segmentation], height: int, width: int) -> Segmentation:
    """The parts of one object as one segmentation: polygons stay polygons, beside a mask they are drawn.

    Raises:
        ValueError, TypeError: polygons that have to be drawn are none.
    """
    if len(parts) == 1:
        return parts[0]
    polygons = [part for part in parts if isinstance(part, list)]
    if len(polygons) == len(parts):
        return [shape for part in polygons for shape in part]
    drawn = [united_rle(part, height, width) if isinstance(part, list) else part for part in parts]
    united = coco_mask.merge(drawn)
    return {"size": [height, width], "counts": united["counts"].decode("ascii")}
