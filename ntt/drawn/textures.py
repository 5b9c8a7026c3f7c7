"""Two-tone textures in object coordinates: how much of the second tone each pixel shows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ntt.drawn.shapes import Plane

HALF = np.float32(0.5)


def texture_weight(name: str, u: Plane, v: Plane, period: float, softness: float) -> Plane:
    """Weight [H, W] in [0, 1] of the second tone.

    Args:
        name: a key of ``TEXTURES``.
        u, v: object coordinates [H, W].
        period: length of one repeat in object units.
        softness: width of a tone border in object units (about one pixel), against jagged edges.
    """
    height = TEXTURES[name](u, v, np.float32(period))
    return np.clip(height * np.float32(period / softness) + HALF, 0, 1)


def _wave(x: Plane, period: np.float32) -> Plane:
    """A triangle wave between -0.5 and 0.5 that is positive for half of each period."""
    phase = x / period
    phase = phase - np.floor(phase)
    return HALF - np.abs(phase - HALF) * np.float32(2)


def _plain(u: Plane, _v: Plane, _period: np.float32) -> Plane:
    return np.full(u.shape, -9.0, dtype=np.float32)


def _bands(_u: Plane, v: Plane, period: np.float32) -> Plane:
    return _wave(v, period)


def _stripes(u: Plane, _v: Plane, period: np.float32) -> Plane:
    return _wave(u, period)


def _checks(u: Plane, v: Plane, period: np.float32) -> Plane:
    a, b = _wave(u, period), _wave(v, period)
    return np.minimum(np.abs(a), np.abs(b)) * np.sign(a * b)


def _dots(u: Plane, v: Plane, period: np.float32) -> Plane:
    a = HALF - _wave(u, period)
    b = HALF - _wave(v, period)
    return np.float32(0.62) - np.sqrt(a * a + b * b)


def _rings(u: Plane, v: Plane, period: np.float32) -> Plane:
    return _wave(np.sqrt(u * u + v * v), period)


def _chevrons(u: Plane, v: Plane, period: np.float32) -> Plane:
    return _wave(v + np.abs(_wave(u, period * np.float32(2))) * period * np.float32(1.2), period)


def _lattice(u: Plane, v: Plane, period: np.float32) -> Plane:
    return np.maximum(_wave(u, period), _wave(v, period)) - np.float32(0.22)


TEXTURES: dict[str, Callable[[Plane, Plane, np.float32], Plane]] = {
    "plain": _plain,
    "bands": _bands,
    "stripes": _stripes,
    "checks": _checks,
    "dots": _dots,
    "rings": _rings,
    "chevrons": _chevrons,
    "lattice": _lattice,
}
