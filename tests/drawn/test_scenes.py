"""Scenes: the same bytes from the same seed on every machine, and what is promised about their objects."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from ntt.drawn.classes import BASE_CLASSES, NOVEL_CLASSES
from ntt.drawn.dataset import CLASSES, WEIGHTS
from ntt.drawn.scenes import MIN_VISIBLE, SCENE_SIZE, Scene, draw_scene


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [draw_scene(CLASSES, WEIGHTS, (1, 0, number)) for number in range(8)]


def test_a_scene_is_the_same_everywhere(scenes: list[Scene]) -> None:
    """If this fails because the drawing was changed on purpose, raise VERSION in ntt/drawn/dataset.py too."""
    scene = scenes[0]
    digest = hashlib.sha256(scene.image.tobytes() + scene.owners.tobytes() + bytes(scene.labels)).hexdigest()
    assert digest[:16] == "09f64f94877c50b4"


def test_seeds_make_different_scenes(scenes: list[Scene]) -> None:
    assert len({scene.image.tobytes() for scene in scenes}) == len(scenes)


def test_scenes_hold_up_to_ten_objects_of_both_kinds(scenes: list[Scene]) -> None:
    for scene in scenes:
        assert scene.image.shape == (SCENE_SIZE, SCENE_SIZE, 3)
        assert 1 <= len(scene.labels) <= 10
        assert scene.owners.max() <= len(scene.labels)
    labels = {label for scene in scenes for label in scene.labels}
    assert labels & set(range(len(BASE_CLASSES)))
    assert labels & set(range(len(BASE_CLASSES), len(BASE_CLASSES) + len(NOVEL_CLASSES)))


def test_every_object_stays_visible_and_some_are_occluded(scenes: list[Scene]) -> None:
    overlapping = 0
    for scene in scenes:
        visible = np.bincount(scene.owners.ravel(), minlength=len(scene.labels) + 1)[1:]
        assert (visible > 900 * MIN_VISIBLE - 1).all()
        alone = [touching_other(scene.owners, owner) for owner in range(1, len(scene.labels) + 1)]
        overlapping += sum(alone)
    assert overlapping > 0


def touching_other(owners: np.ndarray, owner: int) -> bool:
    """Whether some pixel of an object lies directly beside a pixel of another one."""
    right = (owners[:, :-1] == owner) & (owners[:, 1:] != owner) & (owners[:, 1:] > 0)
    down = (owners[:-1] == owner) & (owners[1:] != owner) & (owners[1:] > 0)
    return bool(right.any() or down.any())


def test_mean_colours_of_a_class_spread_as_widely_as_those_of_all() -> None:
    """A class has no colour of its own: within-class variance of the mean colour is about the total variance."""
    colours: dict[int, list[np.ndarray]] = {0: [], 1: []}
    for number in range(24):
        scene = draw_scene(CLASSES[:2], [1, 1], (5, number))
        for owner, label in enumerate(scene.labels, 1):
            colours[label].append(scene.image[scene.owners == owner].mean(axis=0))
    everything = np.concatenate([np.stack(group) for group in colours.values()])
    within = np.mean([np.stack(group).var(axis=0).mean() for group in colours.values()])
    assert within > 0.9 * everything.var(axis=0).mean()
