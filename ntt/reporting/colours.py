"""Colours that tell many classes apart, the same ones every time."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import numpy as np

Colour = tuple[int, int, int]

UNKNOWN: Colour = (190, 190, 190)
INK: Colour = (17, 19, 23)
PAPER: Colour = (250, 250, 250)


def class_colours(names: Iterable[str]) -> dict[str, Colour]:
    """A colour for each class, by its place in ``names``.

    Pass all classes of a split in the annotation file's order, so that a class keeps its colour over all
    pictures of a run and over all runs on that split.
    """
    ordered = list(names)
    return dict(zip(ordered, _palette(len(ordered)), strict=True))


def text_colour(background: Colour) -> Colour:
    """Black or white ink, whichever reads better on ``background`` (WCAG 2 contrast)."""
    luminance = _linear(np.array([background], dtype=np.float64))[0] @ (0.2126, 0.7152, 0.0722)
    return INK if (luminance + 0.05) / 0.05 > 1.05 / (luminance + 0.05) else PAPER


@cache
def _palette(count: int) -> list[Colour]:
    """``count`` colours, each the farthest in CIELAB from those before it: a shorter list is a prefix."""
    levels = np.linspace(0, 255, 18).round()
    candidates = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1).reshape(-1, 3)
    lab = _cielab(candidates)
    # Dull, dark and near-white colours drown in a photograph.
    vivid = (np.hypot(lab[:, 1], lab[:, 2]) > 45) & (lab[:, 0] > 42) & (lab[:, 0] < 88)
    candidates, lab = candidates[vivid], lab[vivid]
    # Grey is taken: it stands for labels without a colour.
    distance = np.linalg.norm(lab - _cielab(np.array([UNKNOWN], dtype=np.float64)), axis=1)
    chosen: list[Colour] = []
    pick = int(np.linalg.norm(candidates - (255, 60, 60), axis=1).argmin())
    for _ in range(count):
        red, green, blue = candidates[pick].astype(int).tolist()
        chosen.append((red, green, blue))
        distance = np.minimum(distance, np.linalg.norm(lab - lab[pick], axis=1))
        pick = int(distance.argmax())
    return chosen


def _linear(rgb: np.ndarray) -> np.ndarray:
    """sRGB values in [0, 255] to linear light in [0, 1]."""
    value = rgb / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def _cielab(rgb: np.ndarray) -> np.ndarray:
    """sRGB [N, 3] in [0, 255] to CIELAB [N, 3] (D65 white): distances there are about what the eye sees."""
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = _linear(rgb) @ to_xyz.T / (0.9505, 1.0, 1.0890)
    root = np.where(xyz > 216 / 24389, np.cbrt(xyz), xyz * 24389 / 27 / 116 + 16 / 116)
    x, y, z = root[:, 0], root[:, 1], root[:, 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)
