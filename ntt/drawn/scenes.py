"""Scenes: a cluttered background and a few overlapping objects, with the map of who is visible where."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ntt.drawn.classes import EMBLEMS, DrawnClass
from ntt.drawn.shapes import Outline, Plane, box, ellipse, outline_distance, polygon
from ntt.drawn.textures import TEXTURES, texture_weight

Canvas = NDArray[np.float32]
Colour = NDArray[np.float32]

SCENE_SIZE = 320  # pixels
RADIUS = (36.0, 76.0)  # pixels: half the extent of an object
TILT = 40.0  # degrees either way
MIN_VISIBLE = 0.55  # of an object's own area, kept by everything painted over it
GRAIN = 7  # largest step of the noise on each pixel


@dataclass(frozen=True)
class Scene:
    """``image`` uint8 [S, S, 3] RGB; ``owners`` uint8 [S, S]: 0 is background, k is ``labels[k - 1]``'s object.

    ``labels`` index the class list that the scene was drawn from.
    """

    image: NDArray[np.uint8]
    owners: NDArray[np.uint8]
    labels: tuple[int, ...]


@dataclass(frozen=True)
class Pose:
    """Where an object stands: centre and radius in pixels, its axes' directions, width over height, mirrored or not."""

    x: float
    y: float
    radius: float
    cosine: float
    sine: float
    aspect: float
    mirror: float

    def window(self, size: int) -> tuple[slice, slice]:
        reach = self.radius * 1.6
        return (
            slice(max(0, int(self.y - reach)), min(size, int(self.y + reach) + 1)),
            slice(max(0, int(self.x - reach)), min(size, int(self.x + reach) + 1)),
        )

    def coordinates(self, window: tuple[slice, slice]) -> tuple[Plane, Plane]:
        """Object coordinates (u, v), each [h, w], of the pixels of a window."""
        rows, columns = window
        dx = (np.arange(columns.start, columns.stop, dtype=np.float32) - np.float32(self.x))[None, :]
        dy = (np.arange(rows.start, rows.stop, dtype=np.float32) - np.float32(self.y))[:, None]
        cosine, sine = np.float32(self.cosine / self.radius), np.float32(self.sine / self.radius)
        u = (dx * cosine + dy * sine) * np.float32(self.mirror / self.aspect)
        v = (dy * cosine - dx * sine) * np.float32(self.aspect)
        return u, v


def draw_scene(classes: Sequence[DrawnClass], weights: Sequence[float], seed: Sequence[int]) -> Scene:
    """Draw one scene of three to ten objects.

    Args:
        classes: what may appear; labels of the scene index it.
        weights: how often each class appears, relative to the others.
        seed: integers that name the scene, such as (world seed, split, number). Same seed, same bytes.
    """
    generator = np.random.Generator(np.random.PCG64(np.random.SeedSequence(list(seed))))
    canvas = _background(generator)
    owners = np.zeros((SCENE_SIZE, SCENE_SIZE), dtype=np.uint8)
    areas: list[int] = []
    labels: list[int] = []
    wanted = int(generator.integers(3, 11))
    share = np.cumsum(np.asarray(weights, dtype=np.float64) / float(sum(weights)))
    for _ in range(wanted * 8):
        if len(labels) == wanted:
            break
        label = min(int(np.searchsorted(share, generator.random())), len(classes) - 1)
        pose = _random_pose(generator, RADIUS, TILT)
        window = pose.window(SCENE_SIZE)
        u, v = pose.coordinates(window)
        distance = outline_distance(classes[label].outline, u, v)
        inside = distance > 0
        if not _fits(inside, owners[window], owners, areas, pose):
            continue
        _paint_object(canvas, generator, classes[label], pose, window, u, v, distance)
        labels.append(label)
        areas.append(int(inside.sum()))
        owners[window][inside] = len(labels)
    image = np.clip(np.floor(_grain(canvas, generator)), 0, 255).astype(np.uint8)
    return Scene(image, owners, tuple(labels))


def _fits(
    inside: NDArray[np.bool_],
    under: NDArray[np.uint8],
    owners: NDArray[np.uint8],
    areas: list[int],
    pose: Pose,
) -> bool:
    """Whether a new object stays on the canvas and leaves enough of every earlier one visible."""
    reach = pose.radius * 0.9
    if not (reach < pose.x < SCENE_SIZE - reach and reach < pose.y < SCENE_SIZE - reach):
        return False
    if inside.sum() < 900:
        return False
    taken = np.bincount(under[inside], minlength=len(areas) + 1)[1:]
    visible = np.bincount(owners.ravel(), minlength=len(areas) + 1)[1:]
    return all(v - t >= MIN_VISIBLE * a for v, t, a in zip(visible, taken, areas, strict=True))


def _random_pose(generator: np.random.Generator, radius: tuple[float, float], tilt: float) -> Pose:
    x, y = generator.uniform(0, SCENE_SIZE, 2)
    angle = math.radians(generator.uniform(-tilt, tilt))
    return Pose(
        x=float(x),
        y=float(y),
        radius=float(generator.uniform(*radius)),
        # Rounded, because the last bits of sine and cosine differ between C libraries.
        cosine=round(math.cos(angle), 6),
        sine=round(math.sin(angle), 6),
        aspect=float(generator.uniform(0.9, 1.1)),
        mirror=1.0 if generator.random() < 0.5 else -1.0,
    )


def _paint_object(
    canvas: Canvas,
    generator: np.random.Generator,
    kind: DrawnClass,
    pose: Pose,
    window: tuple[slice, slice],
    u: Plane,
    v: Plane,
    distance: Plane,
) -> None:
    first, second, emblem_colour, accent_colour = _palette(generator)
    pixels = distance * np.float32(pose.radius)  # border distance in pixels
    shadow = np.clip(pixels / np.float32(6) + np.float32(1), 0, 1) * np.float32(generator.uniform(0, 0.45))
    rows, columns = window
    shift = int(generator.integers(2, 6))
    shaded = canvas[rows, columns][shift:]
    shaded *= (np.float32(1) - shadow[: shadow.shape[0] - shift])[..., None]

    phase_u, phase_v = generator.uniform(-0.05, 0.05, 2).astype(np.float32)
    period = float(generator.uniform(0.42, 0.5))
    softness = 1.5 / pose.radius
    colour = _mix(first, second, texture_weight(kind.texture, u + phase_u, v + phase_v, period, softness))
    if kind.accent != "none":
        side = v - np.float32(0.42) if kind.accent == "bottom" else np.float32(-0.42) - v
        colour = _blend(colour, accent_colour, np.clip(side * np.float32(pose.radius) + np.float32(0.5), 0, 1))
    if kind.emblem != "none":
        emblem = outline_distance(EMBLEMS[kind.emblem], u, v - np.float32(kind.emblem_v)) * np.float32(pose.radius)
        colour = _blend(colour, emblem_colour, np.clip(emblem + np.float32(0.5), 0, 1))
    light = np.float32(generator.uniform(-0.18, 0.18)) * u + np.float32(generator.uniform(-0.18, 0.18)) * v
    colour = colour * (np.float32(1) + light)[..., None]
    ink = np.float32(generator.uniform(0, 50) if generator.random() < 0.7 else generator.uniform(210, 255))
    width = np.float32(generator.uniform(1.5, 3.2))
    rim = np.clip(width - pixels + np.float32(0.5), 0, 1)
    colour = _blend(colour, np.full(3, ink, dtype=np.float32), rim)
    cover = np.clip(pixels + np.float32(0.5), 0, 1)[..., None]
    canvas[window] = canvas[window] * (1 - cover) + colour * cover


def _palette(generator: np.random.Generator) -> list[Colour]:
    """Four colours, the tones that meet on an object at least 70 grey levels of one channel apart."""
    chosen: list[Colour] = []
    while len(chosen) < 4:
        colour = generator.integers(20, 236, 3).astype(np.float32)
        if all(float(np.abs(colour - other).max()) >= 70 for other in chosen):
            chosen.append(colour)
    return chosen


def _background(generator: np.random.Generator) -> Canvas:
    corners = generator.integers(40, 216, (2, 2, 3)).astype(np.float32)
    corners = (corners + corners.mean(axis=(0, 1), dtype=np.float32)) / 2
    canvas = _enlarge(corners)
    for cells, strength in ((5, 26.0), (14, 14.0)):
        canvas += _enlarge(generator.uniform(-strength, strength, (cells, cells, 3)).astype(np.float32))
    for _ in range(int(generator.integers(14, 34))):
        _paint_clutter(canvas, generator)
    return canvas


def _paint_clutter(canvas: Canvas, generator: np.random.Generator) -> None:
    """A faint, rimless scrap of any size and texture: something to look at that is no object."""
    pose = _random_pose(generator, (6.0, 42.0), 180.0)
    window = pose.window(SCENE_SIZE)
    u, v = pose.coordinates(window)
    scraps: tuple[Outline, ...] = (
        (ellipse(0, 0, 1, float(generator.uniform(0.3, 1))),),
        (box(0, 0, 1, float(generator.uniform(0.06, 1))),),
        (polygon(0, -1, 0.9, 0.8, -0.9, 0.8),),
    )
    pixels = outline_distance(scraps[generator.integers(3)], u, v) * np.float32(pose.radius)
    strength = np.float32(generator.uniform(0.15, 0.75))
    first, second, *_ = _palette(generator)
    texture = list(TEXTURES)[generator.integers(len(TEXTURES))] if generator.random() < 0.4 else "plain"
    colour = _mix(first, second, texture_weight(texture, u, v, 0.6, 1.5 / pose.radius))
    cover = (np.clip(pixels + np.float32(0.5), 0, 1) * strength)[..., None]
    canvas[window] = canvas[window] * (1 - cover) + colour * cover


def _grain(canvas: Canvas, generator: np.random.Generator) -> Canvas:
    noise = generator.integers(-GRAIN, GRAIN + 1, (SCENE_SIZE, SCENE_SIZE, 1), dtype=np.int8)
    return canvas + noise.astype(np.float32)


def _mix(first: Colour, second: Colour, weight: Plane) -> Canvas:
    return first * (np.float32(1) - weight)[..., None] + second * weight[..., None]


def _blend(colour: Canvas, over: Colour, weight: Plane) -> Canvas:
    return colour * (np.float32(1) - weight)[..., None] + over * weight[..., None]


def _enlarge(grid: Canvas) -> Canvas:
    """Bilinear enlargement of [n, n, C] to the scene's size, corner to corner."""
    n = grid.shape[0]
    position = np.arange(SCENE_SIZE, dtype=np.float32) * np.float32((n - 1) / (SCENE_SIZE - 1))
    low = np.minimum(position.astype(np.int64), n - 2)
    part = (position - low.astype(np.float32))[:, None, None]
    rows = grid[low] * (1 - part) + grid[low + 1] * part
    columns = part.reshape(1, -1, 1)
    return rows[:, low] * (1 - columns) + rows[:, low + 1] * columns
