"""Values of an annotation file as they are written by other programs, or why they are none."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

NO_BOX = (math.nan, math.nan, math.nan, math.nan)
"""The box of an annotation whose own cannot be read."""

_FLAGS = {"": 0, "0": 0, "0.0": 0, "false": 0, "no": 0, "1": 1, "1.0": 1, "true": 1, "yes": 1}
_LARGEST_ID = 2**63


def read_box(value: Any) -> tuple[float, float, float, float]:
    """Four finite numbers; ValueError says what is wrong."""
    if value is None:
        raise ValueError("it has no bbox")
    try:
        x, y, width, height = map(float, value)
        if math.isfinite(x + y + width + height):
            return x, y, width, height
    except (TypeError, ValueError, OverflowError):
        pass
    raise ValueError(f"its bbox {shown(value)} is not four finite numbers [x, y, width, height]")


def read_points(value: Any) -> tuple[tuple[float, float, int], ...]:
    """``[[x, y], ...]`` inside the object, or ``[[x, y, label], ...]`` with label 1 inside and 0 outside."""
    if value is None:
        return ()
    try:
        points = tuple((float(x), float(y), int(*rest or (1,))) for x, y, *rest in value)
    except (TypeError, ValueError, OverflowError):
        points = ((math.nan, math.nan, 1),)
    if all(math.isfinite(x + y) and label in (0, 1) for x, y, label in points):
        return points
    raise ValueError(f"its points {shown(value)} are not a list of [x, y] or [x, y, label] with label 0 or 1")


def read_segmentation(value: Any) -> dict[str, Any] | list[Any] | None:
    """Polygons or an RLE as they are, None where there is nothing; ValueError for anything else."""
    if not value and not isinstance(value, bool):
        return None
    if isinstance(value, (dict, list)):
        return value
    raise ValueError(f"its segmentation {shown(value)} is neither polygons nor an RLE")


def read_area(value: Any) -> float:
    """The file's area; NaN where it has none that could be one."""
    try:
        area = math.nan if value is None else float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan
    return area if 0 < area < math.inf else math.nan


def read_flag(key: str) -> Callable[[Any], bool]:
    """Reads a mark such as iscrowd: 0 and 1, also as texts."""

    def read(value: Any) -> bool:
        if value is None or value in (0, 1):
            return bool(value)
        if (text := str(value).strip().lower()) not in _FLAGS:
            raise ValueError(f"its {key} {shown(value)} is neither 0 nor 1")
        return bool(_FLAGS[text])

    return read


read_crowd, read_impossible = read_flag("iscrowd"), read_flag("isimpossible")


def shown(value: Any) -> str:
    """A value of the file as a message shows it, however long."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."


def whole(value: object, key: str) -> int:
    """A whole number of 64 bits; TypeError names the key and the value."""
    if type(value) is float and value.is_integer() and abs(value) < 2**53:  # a table program's 7.0
        value = int(value)
    if type(value) is not int or abs(value) >= _LARGEST_ID:
        raise TypeError(f"{key} must be a whole number of 64 bits, not {shown(value)}")
    return value


def text_of(value: object, key: str) -> str:
    """A text that a file can be named with; TypeError or ValueError names the key and the value."""
    if not isinstance(value, str) or not value:
        raise TypeError(f"{key} must be a text, not {shown(value)}")
    if "\0" in value or (not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value)):
        raise ValueError(f"{key} {value!r:.40} has characters that no file can be named with")
    return value
