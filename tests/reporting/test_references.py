from __future__ import annotations

import numpy as np
import pytest

from ntt.reporting import references as sheet_module
from ntt.reporting.colours import class_colours
from ntt.reporting.references import MAX_CLASSES, MAX_TILES, TILE, references_sheet


class Loader:
    """Stands for reading crops: a square object in the middle; remembers what was asked for."""

    def __init__(self, height: int = 60, width: int = 40) -> None:
        self.loaded: list[int] = []
        self.shape = (height, width)

    def __call__(self, reference: int) -> tuple[np.ndarray, np.ndarray]:
        self.loaded.append(reference)
        mask = np.zeros(self.shape, dtype=np.uint8)
        mask[10:30, 10:30] = 1
        return np.full((*self.shape, 3), 200, dtype=np.uint8), mask


@pytest.fixture
def headline(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    seen: list[str] = []
    drawn = sheet_module.header_strip

    def record(text: str, width: int, size: int):  # type: ignore[no-untyped-def]
        seen.append(text)
        return drawn(text, width, size)

    monkeypatch.setattr(sheet_module, "header_strip", record)
    return seen


def test_unequal_shots_are_all_drawn_with_the_class_colour(headline: list[str]) -> None:
    load, colours = Loader(), class_colours(["cat", "dog"])
    sheet = np.asarray(references_sheet({"cat": [1, 2, 3], "dog": [4]}, load, colours))
    assert load.loaded == [1, 2, 3, 4]
    assert headline == ["4 references of 2 classes"]
    for name, tiles in (("cat", 3), ("dog", 1)):
        outlined = (sheet == colours[name]).all(axis=-1).sum()
        side = round(20 * TILE / 60)
        assert outlined == pytest.approx(tiles * 4 * 2 * (side - 2), rel=0.1)


def test_too_many_shots_and_classes_are_limited_and_only_the_shown_are_loaded(headline: list[str]) -> None:
    load = Loader()
    many = {f"class {i}": list(range(30 * i, 30 * i + 30)) for i in range(100)}
    sheet = references_sheet(many, load, class_colours(many))
    columns = MAX_TILES // MAX_CLASSES
    assert load.loaded == [30 * i + shot for i in range(MAX_CLASSES) for shot in range(columns)]
    assert headline == ["3000 references of 100 classes (20 more classes not shown)"]
    assert 0.9 < sheet.width / sheet.height < 2.1


def test_one_shot_of_many_classes_is_wrapped_into_blocks() -> None:
    many = {f"class {i}": [i] for i in range(60)}
    sheet = references_sheet(many, Loader(), class_colours(many))
    assert 0.9 < sheet.width / sheet.height < 2.1


def test_an_empty_memory_is_a_picture_too(headline: list[str]) -> None:
    references_sheet({}, Loader(), {})
    assert headline == ["0 references of 0 classes"]
