"""Pictures whose pixel values say which object they belong to."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ntt.errors import InputError
from ntt.foreign.parsing import parsing

LOSSLESS = frozenset({".png", ".bmp", ".tif", ".tiff", ".gif"})
"""Suffixes of pictures that keep every pixel as it was."""


def read_map(file: Path) -> NDArray[np.int64]:
    """The values of a picture with one number a pixel, [H, W]: grey of 8, 16 or 32 bits, or indices of a palette.

    Raises:
        InputError: it cannot be read, or has colours.
    """
    with _reading(file), Image.open(file) as image:
        mode = image.mode
        values = np.array(image)
    if values.ndim != 2 or mode == "F":
        raise InputError(
            f"{file}: its pixels are colours (mode {mode}), where one number each belongs; save it as grey or "
            "palette PNG, or write colours into the legend"
        )
    return values.astype(np.int64)


def read_colours(file: Path) -> NDArray[np.int64]:
    """The colours of a picture as numbers 0xRRGGBB, [H, W]; see :func:`read_map`. Transparent pixels are black."""
    with _reading(file), Image.open(file) as image:
        values = np.array(image.convert("RGBA")).astype(np.int64)
    colours: NDArray[np.int64] = (values[..., 0] << 16) | (values[..., 1] << 8) | values[..., 2]
    return np.where(values[..., 3] == 0, 0, colours)


def _reading(file: Path) -> AbstractContextManager[None]:
    return parsing(lambda reason: InputError(f"{file}: the mask cannot be read ({reason}); save it anew as PNG"))


def values_of(pixels: NDArray[np.int64]) -> list[int]:
    """The values that occur, ascending."""
    return [int(value) for value in np.unique(pixels)]


def extent(mask: NDArray[Any]) -> tuple[float, float, float, float]:
    """x, y, width, height around what is not zero in a mask that is not empty."""
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    left, top = float(columns[0]), float(rows[0])
    return left, top, columns[-1] + 1 - left, rows[-1] + 1 - top


def box_iou(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """Of two boxes x, y, width, height."""
    across = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    down = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    shared = max(across, 0.0) * max(down, 0.0)
    return shared / max(one[2] * one[3] + other[2] * other[3] - shared, 1e-9)
