"""What the classes share and what they do not."""

from __future__ import annotations

from ntt.drawn.classes import ACCENTS, BASE_CLASSES, EMBLEMS, NOVEL_CLASSES, compose_classes
from ntt.drawn.shapes import NOVEL_OUTLINES
from ntt.drawn.textures import TEXTURES


def test_twenty_base_and_ten_novel_classes_all_differ() -> None:
    classes = BASE_CLASSES + NOVEL_CLASSES
    assert (len(BASE_CLASSES), len(NOVEL_CLASSES)) == (20, 10)
    assert len({kind.name for kind in classes}) == 30
    assert len({kind.outline for kind in classes}) == 30


def test_every_class_is_made_of_known_parts() -> None:
    for kind in BASE_CLASSES + NOVEL_CLASSES:
        assert kind.texture in TEXTURES
        assert kind.emblem in EMBLEMS
        assert kind.accent in ACCENTS


def test_no_novel_class_is_told_by_its_texture_alone() -> None:
    base_textures = {kind.texture for kind in BASE_CLASSES}
    assert {kind.texture for kind in NOVEL_CLASSES} <= base_textures


def test_composed_classes_are_seeded_and_never_have_a_novel_outline() -> None:
    composed = compose_classes(60, seed=7)
    assert composed == compose_classes(60, seed=7)
    assert composed != compose_classes(60, seed=8)
    assert not {kind.outline for kind in composed} & set(NOVEL_OUTLINES.values())
    # A longer list begins with the shorter one: adding classes moves no other.
    assert compose_classes(80, seed=7)[:60] == composed
