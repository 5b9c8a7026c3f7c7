"""Values of the page's questions, checked: whoever asks may be anybody."""

from __future__ import annotations

import math
from typing import Any

from ntt.app.photos import Photo
from ntt.data.rle import run_lengths, runs_extent
from ntt.errors import InputError
from ntt.foreign.parsing import parsing

_MOST_CLICKS = 100
_MOST_SIDE = 65_535


def identity(asked: dict[str, Any], key: str) -> str:
    """A text."""
    value = asked.get(key)
    if not isinstance(value, str):
        raise InputError(f"{key} is missing.")
    return value


def number(asked: dict[str, Any], key: str, whole: bool = True) -> float:
    """A finite number, an int where it has to be whole."""
    value = asked.get(key)
    if not _is_number(value) or (whole and not isinstance(value, int)):
        raise InputError(f"{key} is no number.")
    return value  # type: ignore[return-value]  # seen above


def clicked(asked: dict[str, Any], key: str) -> list[list[float]]:
    """Points (x, y) in pixels."""
    points = asked.get(key, [])
    if not isinstance(points, list) or len(points) > _MOST_CLICKS:
        raise InputError(f"{key} is a list of at most {_MOST_CLICKS} points.")
    for point in points:
        if not (isinstance(point, list) and len(point) == 2 and all(map(_is_number, point))):
            raise InputError(f"{key} is a list of points [x, y] in pixels.")
    return points


def boxed(asked: dict[str, Any]) -> list[float] | None:
    """A box x1, y1, x2, y2 in pixels, or None."""
    box = asked.get("box")
    if box is None:
        return None
    if not (isinstance(box, list) and len(box) == 4 and all(map(_is_number, box))):
        raise InputError("box is [x1, y1, x2, y2] in pixels.")
    return box


def segmentation(asked: dict[str, Any], photo: Photo | None = None) -> dict[str, Any]:
    """A mask as COCO's compressed run lengths, of a photograph's size where that is known."""
    rle = asked.get("rle")
    size = rle.get("size") if isinstance(rle, dict) else None
    if not (
        isinstance(size, list) and len(size) == 2 and all(isinstance(s, int) and 0 < s <= _MOST_SIDE for s in size)
    ):
        raise InputError("rle is a mask: size and counts.")
    if photo is not None and photo.height and size != [photo.height, photo.width]:
        raise InputError("The mask is not of the photograph's size: click again.")
    assert isinstance(rle, dict)
    height, width = size
    with parsing(lambda reason: InputError(f"The mask is damaged: {reason}.")):
        extent = runs_extent(run_lengths({"size": size, "counts": rle.get("counts")}, height, width), height)
    if extent is None:
        raise InputError("The mask is empty: click again.")
    return {"size": size, "counts": rle["counts"]}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
