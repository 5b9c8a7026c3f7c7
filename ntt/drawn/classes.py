"""What tells the classes apart: an outline, a two-tone texture, an emblem and an accent; never a colour.

Textures, emblems and accents are shared between classes, outlines are not: no outline of a novel class is
ever drawn in a training scene.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ntt.drawn.shapes import (
    BASE_OUTLINES,
    NOVEL_OUTLINES,
    Outline,
    Primitive,
    box,
    cut,
    ellipse,
    outline_distance,
    polygon,
)
from ntt.drawn.textures import TEXTURES

EMBLEMS: dict[str, Outline] = {
    "none": (),
    "spot": (ellipse(0, 0, 0.26),),
    "tile": (box(0, 0, 0.23, 0.23),),
    "wedge": (polygon(0, -0.32, 0.3, 0.22, -0.3, 0.22),),
    "bar": (box(0, 0, 0.42, 0.13),),
    "cross": (box(0, 0, 0.32, 0.1), box(0, 0, 0.1, 0.32)),
    "ring": (ellipse(0, 0, 0.32), cut(ellipse(0, 0, 0.17))),
}
ACCENTS: tuple[str, ...] = ("none", "top", "bottom")


@dataclass(frozen=True)
class DrawnClass:
    """A class of the drawn world. ``emblem_v`` is the emblem's height in object coordinates (v downwards)."""

    name: str
    outline: Outline
    texture: str
    emblem: str
    emblem_v: float
    accent: str


# Name of class and outline, texture, emblem and its height, accent.
_Row = tuple[str, str, str, float, str]
_BASE: tuple[_Row, ...] = (
    ("button", "checks", "none", 0.0, "none"),
    ("crate", "lattice", "wedge", 0.0, "none"),
    ("sail", "bands", "none", 0.0, "bottom"),
    ("plus", "plain", "spot", 0.0, "none"),
    ("moon", "dots", "none", 0.0, "none"),
    ("wheel", "stripes", "none", 0.0, "none"),
    ("star", "rings", "tile", 0.0, "none"),
    ("magnet", "plain", "none", 0.0, "top"),
    ("boot", "chevrons", "none", 0.0, "bottom"),
    ("hammer", "bands", "none", 0.0, "top"),
    ("dumbbell", "rings", "none", 0.0, "none"),
    ("arrow", "plain", "bar", 0.4, "none"),
    ("hourglass", "checks", "spot", 0.0, "none"),
    ("bowl", "chevrons", "tile", 0.2, "none"),
    ("drop", "plain", "cross", 0.3, "none"),
    ("clover", "lattice", "none", 0.0, "top"),
    ("bucket", "stripes", "ring", 0.0, "top"),
    ("kite", "dots", "bar", -0.1, "bottom"),
    ("comb", "bands", "cross", -0.4, "none"),
    ("duck", "lattice", "none", 0.0, "none"),
)
_NOVEL: tuple[_Row, ...] = (
    ("heart", "plain", "ring", -0.05, "none"),
    ("mushroom", "dots", "none", 0.0, "bottom"),
    ("fish", "chevrons", "spot", 0.0, "none"),
    ("house", "bands", "tile", 0.4, "top"),
    ("bottle", "stripes", "bar", 0.35, "none"),
    ("key", "plain", "none", 0.0, "none"),
    ("cup", "checks", "none", 0.0, "top"),
    ("tree", "lattice", "spot", 0.2, "bottom"),
    ("rocket", "rings", "cross", -0.1, "none"),
    ("bell", "stripes", "none", 0.0, "bottom"),
)


def _classes(rows: tuple[_Row, ...], outlines: dict[str, Outline]) -> tuple[DrawnClass, ...]:
    return tuple(
        DrawnClass(name, outlines[name], texture, emblem, emblem_v, accent)
        for name, texture, emblem, emblem_v, accent in rows
    )


BASE_CLASSES = _classes(_BASE, BASE_OUTLINES)
NOVEL_CLASSES = _classes(_NOVEL, NOVEL_OUTLINES)


def compose_classes(count: int, seed: int) -> tuple[DrawnClass, ...]:
    """Random further classes for training, so that a network sees more than the twenty base outlines.

    Outlines are random constructions of two to four primitives or base outlines; textures, emblems and accents
    are drawn from the shared lists.
    """
    generator = np.random.Generator(np.random.PCG64(seed))
    return tuple(_compose_class(f"composed{index}", generator) for index in range(count))


def _compose_class(name: str, generator: np.random.Generator) -> DrawnClass:
    base = list(BASE_OUTLINES.values())
    outline = base[generator.integers(len(base))] if generator.random() < 0.3 else _random_outline(generator)
    return DrawnClass(
        name,
        outline,
        texture=list(TEXTURES)[generator.integers(len(TEXTURES))],
        emblem="none" if generator.random() < 0.4 else list(EMBLEMS)[generator.integers(1, len(EMBLEMS))],
        emblem_v=float(generator.choice([-0.35, 0.0, 0.35])),
        accent="none" if generator.random() < 0.5 else ACCENTS[generator.integers(1, 3)],
    )


def _random_outline(generator: np.random.Generator) -> Outline:
    """Between two and four primitives around the centre, of which later ones may cut: 25-80% of the square."""
    axis = np.linspace(-1, 1, 41, dtype=np.float32)
    u, v = np.meshgrid(axis, axis)
    while True:
        parts: list[Primitive] = [_random_primitive(generator, (0.0, 0.0), 0.6, 0.9)]
        for _ in range(generator.integers(1, 4)):
            place = (float(generator.choice([-0.6, 0, 0.6])), float(generator.choice([-0.6, 0, 0.6])))
            part = _random_primitive(generator, place, 0.25, 0.55)
            parts.append(cut(part) if generator.random() < 0.3 else part)
        if 0.25 < float((outline_distance(parts, u, v) > 0).mean()) < 0.8:
            return tuple(parts)


def _random_primitive(
    generator: np.random.Generator, place: tuple[float, float], smallest: float, largest: float
) -> Primitive:
    u, v = place
    width, height = generator.uniform(smallest, largest, 2)
    kind = generator.integers(4)
    if kind == 0:
        return ellipse(u, v, width, height)
    if kind == 1:
        return box(u, v, width * 0.85, height * 0.85)
    if kind == 2:
        sign = 1 if generator.random() < 0.5 else -1
        return polygon(u, v - sign * height, u + sign * width, v + sign * height, u - sign * width, v + sign * height)
    return polygon(u, v - height, u + width, v, u, v + height, u - width, v)
