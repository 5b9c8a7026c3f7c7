"""Colours that tell many classes apart, the same ones every time."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import numpy as np

Colour = tuple[int, int, int]

UNKNOWN: Colour = (190, 190, 190)
INK: Colour = (17, 19, 23)
PAPER: Colour = (250, 250, 250)

_SHADES = (0.0, 0.4, -0.3, 0.2, -0.15, 0.55)

# What is left of linear RGB without one kind of cones: long, middle, short.
_MISSING_CONES = np.array(
    [
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
    ]
)


def class_colours(names: Iterable[str]) -> dict[str, Colour]:
    """A colour for each class, by its place in ``names``.

    Pass all classes of the annotation file in its order, whatever the split: then a class keeps its colour over all
    pictures, splits and runs of a data set.
    """
    ordered = list(names)
    return dict(zip(ordered, _palette(len(ordered)), strict=True))


def shades(colour: Colour, count: int) -> list[Colour]:
    """``count`` variants of a class's colour, to tell its objects in one picture apart: itself, lighter, darker, ..."""
    return [_mixed(colour, _SHADES[index % len(_SHADES)]) for index in range(count)]


def _mixed(colour: Colour, share: float) -> Colour:
    """Towards white by a positive share, towards black by a negative one."""
    aim, weight = (255.0, share) if share > 0 else (0.0, -share)
    red, green, blue = (round(channel + (aim - channel) * weight) for channel in colour)
    return red, green, blue


def text_colour(background: Colour) -> Colour:
    """Black or white ink, whichever reads better on ``background`` (WCAG 2 contrast)."""
    luminance = _linear(np.array([background], dtype=np.float64))[0] @ (0.2126, 0.7152, 0.0722)
    return INK if (luminance + 0.05) / 0.05 > 1.05 / (luminance + 0.05) else PAPER


@cache
def _palette(count: int) -> list[Colour]:
    """``count`` colours, each the farthest from those before it: a shorter list is a prefix.

    Far apart for everybody: the distance of two colours is the least of those that an eye with all three kinds of cones
    sees and one that lacks one kind.
    """
    levels = np.linspace(0, 255, 18).round()
    candidates = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1).reshape(-1, 3)
    red, green, blue = candidates.T
    seen = seen_by_all(candidates)  # [4, N, 3]
    lightness, chroma = seen[0, :, 0], np.hypot(seen[0, :, 1], seen[0, :, 2])
    # Dull, dark and near-white colours drown in a photograph, and so does the green of grass and leaves.
    usable = (chroma > 35) & (lightness > 38) & (lightness < 90) & (green < 1.25 * np.maximum(red, blue))
    candidates, seen = candidates[usable], seen[:, usable]
    # Grey is taken: it stands for labels without a colour.
    distance = _least(seen, seen_by_all(np.array([UNKNOWN], dtype=np.float64)))
    chosen: list[Colour] = []
    pick = int(np.linalg.norm(candidates - (230, 80, 30), axis=1).argmin())
    for _ in range(count):
        one, two, three = candidates[pick].astype(int).tolist()
        chosen.append((one, two, three))
        distance = np.minimum(distance, _least(seen, seen[:, pick : pick + 1]))
        pick = int(distance.argmax())
    return chosen


def _least(seen: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Distances [N] of colours [4, N, 3] to one colour [4, 1, 3], the least of all eyes'."""
    return np.asarray(np.linalg.norm(seen - other, axis=2).min(0))


def seen_by_all(rgb: np.ndarray) -> np.ndarray:
    """sRGB [N, 3] in [0, 255] to CIELAB [4, N, 3] as four kinds of eyes see them: all cones, then without the long,
    the middle and the short ones (Machado, Oliveira and Fernandes 2009, full severity)."""
    return np.stack([_cielab(rgb), *(_lab_of_light(_linear(rgb) @ matrix.T) for matrix in _MISSING_CONES)])


def _linear(rgb: np.ndarray) -> np.ndarray:
    """sRGB values in [0, 255] to linear light in [0, 1]."""
    value = rgb / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def _cielab(rgb: np.ndarray) -> np.ndarray:
    """sRGB [N, 3] in [0, 255] to CIELAB [N, 3] (D65 white): distances there are about what the eye sees."""
    return _lab_of_light(_linear(rgb))


def _lab_of_light(linear: np.ndarray) -> np.ndarray:
    """Linear RGB [N, 3] to CIELAB [N, 3]; what a display cannot show is shown as the nearest that it can."""
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = linear.clip(0, 1) @ to_xyz.T / (0.9505, 1.0, 1.0890)
    root = np.where(xyz > 216 / 24389, np.cbrt(xyz), xyz * 24389 / 27 / 116 + 16 / 116)
    x, y, z = root[:, 0], root[:, 1], root[:, 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)
