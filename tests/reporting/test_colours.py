from __future__ import annotations

import numpy as np
import pytest

from ntt.reporting.colours import INK, PAPER, class_colours, text_colour


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
