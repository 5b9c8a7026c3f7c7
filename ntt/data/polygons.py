"""Polygons of annotation files: every nesting that tools write, brought into COCO's own, and measured many at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

FARTHEST = 100_000.0
"""Pixels. Rasterising takes memory in proportion to a polygon's length: a stray exponent would exhaust it."""

Polygons = list[list[float]]
"""COCO's form: flat lists x0, y0, x1, y1, ..., of three points or more."""


class NothingDrawn(ValueError):
    """A segmentation in a known form that covers no pixel."""


def coco_polygons(segmentation: list[Any]) -> Polygons:
    """The polygons of one annotation in COCO's form; those of fewer than three points cover nothing and are left out.

    Read are a flat list of numbers, a list of flat lists (COCO's own, returned as it is), a list of points ``[x, y]``
    or ``{"x": .., "y": ..}``, lists of such lists, and numbers written as texts.

    Raises:
        ValueError: says what is wrong; NothingDrawn: nothing has three points.
    """
    if _is_plain(segmentation):
        return segmentation
    found = list(_flat_lists(segmentation))
    for shape in found:
        if len(shape) % 2:
            raise ValueError(f"a polygon of it has {len(shape)} numbers, an odd count; they must be pairs x, y")
        _check_reach(np.asarray(shape))
    shapes = [shape for shape in found if len(shape) >= 6]
    if not shapes:
        fewest = "no polygon" if not found else "no polygon of three points or more"
        raise NothingDrawn(f"its segmentation holds {fewest}")
    return shapes


def _is_plain(segmentation: list[Any]) -> bool:
    """Whether it is in COCO's form already, as far as that shows without a look at every number."""
    return bool(segmentation) and all(
        type(shape) is list and len(shape) >= 6 and len(shape) % 2 == 0 and type(shape[0]) in (int, float)
        for shape in segmentation
    )


def _flat_lists(node: Any) -> Any:
    """Yield every polygon in a nest of lists as a flat list of floats."""
    if not isinstance(node, (list, tuple)):
        raise ValueError(f"its segmentation holds {node!r:.40} where a list of numbers belongs")
    if not node:
        return
    if all(_is_point(item) for item in node) and len(node) > 1:
        yield [_number(value) for point in node for value in _pair(point)]
    elif any(isinstance(item, (list, tuple)) for item in node):
        for item in node:
            yield from _flat_lists(item)
    else:
        yield [_number(value) for value in node]


def _is_point(item: Any) -> bool:
    if isinstance(item, dict):
        return {"x", "y"} <= item.keys()
    return isinstance(item, (list, tuple)) and len(item) == 2 and not any(isinstance(v, (list, tuple)) for v in item)


def _pair(point: Any) -> tuple[Any, Any]:
    return (point["x"], point["y"]) if isinstance(point, dict) else (point[0], point[1])


def _number(value: Any) -> float:
    try:
        if isinstance(value, (int, float, str)) and not isinstance(value, bool):
            return float(value)
    except (ValueError, OverflowError):
        pass
    raise ValueError(f"its segmentation holds {value!r:.40} where a number belongs")


def _check_reach(numbers: NDArray[np.float64]) -> None:
    if not (np.abs(numbers) <= FARTHEST).all():
        raise ValueError(f"a polygon's coordinate is not a number or beyond {FARTHEST:.0f} pixels")


@dataclass(frozen=True)
class Measures:
    """What N lists of polygons measure, without drawing one.

    Attributes:
        extents: float64 [N, 4], x1, y1, x2, y2 in pixels around all polygons of a list.
        areas: float64 [N], square pixels: the largest that one polygon encloses. Less where its line crosses itself.
        lengths: float64 [N], pixels: of the longest line.
        sound: bool [N], False where a coordinate is not finite or out of reach.
    """

    extents: NDArray[np.float64]
    areas: NDArray[np.float64]
    lengths: NDArray[np.float64]
    sound: NDArray[np.bool_]


def measure(lists: Sequence[Polygons]) -> Measures:
    """Measure lists of polygons in COCO's form, all at once.

    Raises:
        TypeError, ValueError, OverflowError: some list holds what is no number.
    """
    shapes = [shape for polygons in lists for shape in polygons]
    sizes = np.fromiter(map(len, shapes), np.int64, len(shapes))
    numbers = np.fromiter(chain.from_iterable(shapes), np.float64, int(sizes.sum()))
    points = numbers.reshape(-1, 2)
    firsts = np.concatenate([[0], (sizes // 2).cumsum()[:-1]]).astype(np.int64)  # of each shape, among points
    following = np.roll(points, -1, axis=0)
    following[np.append(firsts[1:], len(points)) - 1] = points[firsts]
    with np.errstate(all="ignore"):  # what is not finite is told apart below
        crosses = points[:, 0] * following[:, 1] - following[:, 0] * points[:, 1]
        areas = np.abs(np.add.reduceat(crosses, firsts)) / 2
        lengths = np.add.reduceat(np.hypot(*(following - points).T), firsts)
    owners = np.concatenate([[0], np.cumsum([len(polygons) for polygons in lists])[:-1]]).astype(np.int64)
    least = np.minimum.reduceat(np.minimum.reduceat(points, firsts), owners)
    most = np.maximum.reduceat(np.maximum.reduceat(points, firsts), owners)
    extents = np.concatenate([least, most], axis=1)
    sound = (np.abs(extents) <= FARTHEST).all(axis=1)
    return Measures(extents, np.maximum.reduceat(areas, owners), np.maximum.reduceat(lengths, owners), sound)


def united_rle(polygons: Polygons, height: int, width: int) -> dict[str, Any]:
    """The polygons' union as COCO draws it, compressed; takes time by the length of the lines, not by pixels."""
    rle: dict[str, Any] = coco_mask.merge(coco_mask.frPyObjects(polygons, height, width))
    return rle
