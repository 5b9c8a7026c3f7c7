from __future__ import annotations

import numpy as np
import pytest

from ntt.reporting.colours import INK, PAPER, UNKNOWN, class_colours, seen_by_all, shades, text_colour


def test_a_class_keeps_its_colour_when_classes_are_added_behind_it() -> None:
    few, many = class_colours(["cat", "dog"]), class_colours(["cat", "dog", "bird"])
    assert few["cat"] == many["cat"]
    assert few["dog"] == many["dog"]


@pytest.mark.parametrize("count", [1, 20, 80])
def test_no_two_classes_share_or_nearly_share_a_colour(count: int) -> None:
    colours = np.array(list(class_colours(map(str, range(count))).values()))
    assert colours.shape == (count, 3)
    apart = np.abs(colours[:, None] - colours[None]).sum(axis=-1) + 999 * np.eye(count)
    assert apart.min() >= 30


def test_text_is_dark_on_light_colours_and_light_on_dark_ones() -> None:
    assert text_colour((255, 230, 0)) == INK
    assert text_colour((60, 0, 140)) == PAPER


@pytest.mark.parametrize(("count", "least"), [(2, 40), (5, 25), (10, 15), (20, 10)])
def test_classes_are_apart_for_eyes_without_one_kind_of_cones(count: int, least: float) -> None:
    colours = np.array([*class_colours(map(str, range(count))).values(), UNKNOWN], dtype=np.float64)

    seen = seen_by_all(colours)  # [4, N, 3]
    apart = np.linalg.norm(seen[:, :, None] - seen[:, None], axis=-1)
    apart[:, np.arange(count + 1), np.arange(count + 1)] = np.inf

    assert apart.min(axis=(1, 2)).tolist() == pytest.approx(apart.min(axis=(1, 2)).clip(least).tolist())


def test_red_and_green_are_alike_to_an_eye_without_middle_cones_only() -> None:
    """The simulation itself: a red and a green of one lightness, far apart and then nearly the same."""
    seen = seen_by_all(np.array([[200.0, 100, 60], [120.0, 140, 60]]))
    normal, _, deutan, tritan = np.linalg.norm(seen[:, 0] - seen[:, 1], axis=-1)

    assert deutan < normal / 3
    assert tritan > normal / 2


def test_no_class_is_green_as_grass() -> None:
    for red, green, blue in class_colours(map(str, range(80))).values():
        assert green < 1.25 * max(red, blue)


def test_objects_of_one_class_get_shades_of_its_colour() -> None:
    first, lighter, darker = shades((200, 80, 30), 3)

    assert first == (200, 80, 30)
    assert sum(lighter) > sum(first) > sum(darker)
    assert len({*shades((200, 80, 30), 6)}) == 6
