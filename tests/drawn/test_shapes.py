"""Outlines: signs of distances, unions, cuts, and the promise that every outline fills a fair part of its square."""

from __future__ import annotations

import numpy as np
import pytest

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


def distance_at(outline: Outline, u: float, v: float) -> float:
    at = outline_distance(outline, np.array([[u]], dtype=np.float32), np.array([[v]], dtype=np.float32))
    return float(at[0, 0])


@pytest.mark.parametrize(
    ("primitive", "inside", "outside"),
    [
        (ellipse(0.2, 0, 0.5, 0.3), (0.6, 0.0), (0.6, 0.25)),
        (box(0, 0.5, 0.4, 0.2), (0.35, 0.65), (0.0, 0.25)),
        (polygon(0, -1, 1, 1, -1, 1), (0.4, 0.5), (0.9, 0.0)),
    ],
)
def test_distance_is_positive_inside_and_negative_outside(
    primitive: Primitive, inside: tuple[float, float], outside: tuple[float, float]
) -> None:
    assert distance_at((primitive,), *inside) > 0
    assert distance_at((primitive,), *outside) < 0


def test_distance_to_a_straight_edge_is_euclidean() -> None:
    assert distance_at((box(0, 0, 0.5, 0.5),), 0.3, 0.0) == pytest.approx(0.2)
    assert distance_at((polygon(-0.5, -0.5, 0.5, -0.5, 0.5, 0.5, -0.5, 0.5),), 0.3, 0.0) == pytest.approx(0.2)


def test_a_union_has_both_parts_and_a_cut_removes_what_came_before() -> None:
    joined = (box(-0.5, 0, 0.3, 0.3), box(0.5, 0, 0.3, 0.3))
    assert distance_at(joined, -0.5, 0) > 0
    assert distance_at(joined, 0.5, 0) > 0
    holed = (ellipse(0, 0, 0.9), cut(ellipse(0, 0, 0.4)))
    assert distance_at(holed, 0, 0) < 0
    assert distance_at(holed, 0.6, 0) > 0
    refilled = (*holed, box(0, 0, 0.1, 0.1))
    assert distance_at(refilled, 0, 0) > 0


@pytest.mark.parametrize("name", [*BASE_OUTLINES, *NOVEL_OUTLINES])
def test_outlines_fill_a_fair_part_of_their_square_and_stay_near_it(name: str) -> None:
    axis = np.linspace(-1.6, 1.6, 161, dtype=np.float32)
    u, v = np.meshgrid(axis, axis)
    inside = outline_distance((BASE_OUTLINES | NOVEL_OUTLINES)[name], u, v) > 0
    square = (np.abs(u) <= 1) & (np.abs(v) <= 1)
    assert 0.15 < inside[square].mean() < 0.95
    reach = np.maximum(np.abs(u), np.abs(v))[inside].max()
    assert 0.7 < reach < 1.15
