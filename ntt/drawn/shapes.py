"""Outlines as small constructions of ellipses, boxes and convex polygons.

A shape lives in object coordinates: u to the right, v downwards, the object within about [-1, 1] on both axes.
A distance is positive inside, negative outside, roughly Euclidean near the border, and in object units.

Per-pixel arithmetic here is limited to + - * / sqrt, minimum and maximum, which IEEE 754 rounds correctly, so
that every machine draws the same pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]


@dataclass(frozen=True)
class Primitive:
    """One building block of an outline; ``cut`` removes it from what was built before it."""

    kind: str  # "ellipse" and "box": values = (u, v, half width, half height); "polygon": (u0, v0, u1, v1, ...)
    values: tuple[float, ...]
    cut: bool = False

    def distance(self, u: Plane, v: Plane) -> Plane:
        if self.kind == "polygon":
            return _polygon_distance(u, v, self.values)
        centre_u, centre_v, half_width, half_height = (np.float32(x) for x in self.values)
        if self.kind == "box":
            return np.minimum(half_width - np.abs(u - centre_u), half_height - np.abs(v - centre_v))
        a, b = (u - centre_u) / half_width, (v - centre_v) / half_height
        return (np.float32(1) - np.sqrt(a * a + b * b)) * min(half_width, half_height)


Outline = tuple[Primitive, ...]


def ellipse(u: float, v: float, half_width: float, half_height: float | None = None) -> Primitive:
    return Primitive("ellipse", (u, v, half_width, half_width if half_height is None else half_height))


def box(u: float, v: float, half_width: float, half_height: float) -> Primitive:
    return Primitive("box", (u, v, half_width, half_height))


def polygon(*vertices: float) -> Primitive:
    """A convex polygon, its vertices as u0, v0, u1, v1, ... clockwise on the screen."""
    return Primitive("polygon", vertices)


def cut(primitive: Primitive) -> Primitive:
    return Primitive(primitive.kind, primitive.values, cut=True)


def outline_distance(outline: Sequence[Primitive], u: Plane, v: Plane) -> Plane:
    """Distance [H, W] to the border of an outline, its primitives united or cut in order."""
    distance = np.full(u.shape, -9.0, dtype=np.float32)
    for primitive in outline:
        other = primitive.distance(u, v)
        distance = np.minimum(distance, -other) if primitive.cut else np.maximum(distance, other)
    return distance


def _polygon_distance(u: Plane, v: Plane, values: tuple[float, ...]) -> Plane:
    points = [(values[i], values[i + 1]) for i in range(0, len(values), 2)]
    distance: Plane | None = None
    for (u0, v0), (u1, v1) in zip(points, points[1:] + points[:1], strict=True):
        du, dv = np.float32(u1 - u0), np.float32(v1 - v0)
        length = np.sqrt(du * du + dv * dv)
        edge = ((v - np.float32(v0)) * du - (u - np.float32(u0)) * dv) / length
        distance = edge if distance is None else np.minimum(distance, edge)
    assert distance is not None
    return distance


BASE_OUTLINES: dict[str, Outline] = {
    "button": (ellipse(0, 0, 0.95),),
    "crate": (box(0, 0, 0.86, 0.86),),
    "sail": (polygon(0, -1, 1, 0.9, -1, 0.9),),
    "plus": (box(0, 0, 0.95, 0.36), box(0, 0, 0.36, 0.95)),
    "moon": (ellipse(0, 0, 0.97), cut(ellipse(0.52, -0.1, 0.72))),
    "wheel": (ellipse(0, 0, 1.0), cut(ellipse(0, 0, 0.42))),
    "star": (polygon(0, -1, 0.87, 0.5, -0.87, 0.5), polygon(0, 1, -0.87, -0.5, 0.87, -0.5)),
    "magnet": (box(0, 0, 0.85, 0.95), cut(box(0, -0.5, 0.32, 0.75))),
    "boot": (box(-0.35, -0.1, 0.42, 0.88), box(0.15, 0.55, 0.8, 0.4)),
    "hammer": (box(0, -0.55, 0.95, 0.4), box(0, 0.3, 0.28, 0.7)),
    "dumbbell": (ellipse(-0.6, 0, 0.42, 0.62), ellipse(0.6, 0, 0.42, 0.62), box(0, 0, 0.6, 0.24)),
    "arrow": (polygon(0, -1, 0.85, 0, -0.85, 0), box(0, 0.45, 0.36, 0.52)),
    "hourglass": (polygon(-0.8, -0.95, 0.8, -0.95, 0, 0.3), polygon(0, -0.3, 0.8, 0.95, -0.8, 0.95)),
    "bowl": (ellipse(0, -0.45, 1.0, 1.25), cut(box(0, -1.4, 1.2, 1.0))),
    "drop": (ellipse(0, 0.3, 0.66), polygon(0, -1, 0.6, 0.05, -0.6, 0.05)),
    "clover": (
        ellipse(0, -0.48, 0.46),
        ellipse(-0.48, 0.2, 0.46),
        ellipse(0.48, 0.2, 0.46),
        box(0, 0.6, 0.15, 0.4),
    ),
    "bucket": (polygon(-0.95, -0.8, 0.95, -0.8, 0.55, 0.85, -0.55, 0.85),),
    "kite": (polygon(0, -1, 0.68, -0.25, 0, 1, -0.68, -0.25),),
    "comb": (box(0, 0, 0.92, 0.75), cut(box(-0.36, 0.4, 0.15, 0.65)), cut(box(0.36, 0.4, 0.15, 0.65))),
    "duck": (
        ellipse(-0.15, 0.3, 0.8, 0.55),
        ellipse(0.45, -0.45, 0.4),
        polygon(0.7, -0.6, 1.05, -0.38, 0.7, -0.2),
    ),
}

NOVEL_OUTLINES: dict[str, Outline] = {
    "heart": (
        ellipse(-0.45, -0.3, 0.52),
        ellipse(0.45, -0.3, 0.52),
        polygon(-0.93, -0.1, 0.93, -0.1, 0, 0.95),
    ),
    "mushroom": (ellipse(0, -0.1, 0.95, 0.8), cut(box(0, 0.75, 1.0, 0.65)), box(0, 0.45, 0.32, 0.5)),
    "fish": (ellipse(0.18, 0, 0.8, 0.55), polygon(-0.35, 0, -1, 0.6, -1, -0.6)),
    "house": (polygon(0, -1, 0.98, -0.15, -0.98, -0.15), box(0, 0.4, 0.74, 0.58)),
    "bottle": (
        box(0, 0.3, 0.52, 0.65),
        box(0, -0.6, 0.22, 0.4),
        polygon(-0.2, -0.62, 0.2, -0.62, 0.52, -0.18, -0.52, -0.18),
    ),
    "key": (
        ellipse(-0.5, 0, 0.5),
        cut(ellipse(-0.52, 0, 0.2)),
        box(0.42, 0, 0.55, 0.18),
        box(0.72, 0.3, 0.18, 0.3),
    ),
    "cup": (ellipse(0.5, -0.05, 0.48), cut(ellipse(0.52, -0.05, 0.24)), box(-0.22, 0, 0.66, 0.8)),
    "tree": (
        polygon(0, -1, 0.65, -0.15, -0.65, -0.15),
        polygon(0, -0.6, 0.85, 0.5, -0.85, 0.5),
        box(0, 0.7, 0.2, 0.3),
    ),
    "rocket": (
        ellipse(0, -0.15, 0.45, 0.85),
        polygon(-0.2, 0.1, -0.2, 0.6, -0.85, 0.95),
        polygon(0.2, 0.1, 0.85, 0.95, 0.2, 0.6),
    ),
    "bell": (
        ellipse(0, -0.3, 0.55, 0.65),
        polygon(-0.52, -0.2, 0.52, -0.2, 0.92, 0.6, -0.92, 0.6),
        ellipse(0, 0.68, 0.24),
    ),
}
