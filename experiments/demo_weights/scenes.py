"""Scenes to train on: base and composed classes only, drawn once and kept as flat arrays on disk."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ntt.drawn.classes import BASE_CLASSES, DrawnClass, compose_classes
from ntt.drawn.scenes import SCENE_SIZE, draw_scene
from ntt.screen.progress import track

COMPOSED = 180
COMPOSED_SEED = 7
MAX_OBJECTS = 10
# Seeds apart from those of the written dataset (ntt.drawn.dataset). "unseen" has composed classes of its own:
# how well an encoder tells apart classes it was not trained on is watched without a look at the novel ones.
SPLITS = {"train": 100, "check": 101, "unseen": 102}
UNSEEN, UNSEEN_SEED = 20, 8


@dataclass(frozen=True)
class TrainingScenes:
    """``images`` uint8 [N, S, S, 3], ``owners`` uint8 [N, S, S], ``labels`` int16 [N, 10] (-1: none)."""

    images: NDArray[np.uint8]
    owners: NDArray[np.uint8]
    labels: NDArray[np.int16]

    def __len__(self) -> int:
        return len(self.images)


def training_classes() -> tuple[DrawnClass, ...]:
    """The twenty base classes, then the composed ones. No novel class is among them."""
    return BASE_CLASSES + compose_classes(COMPOSED, COMPOSED_SEED)


def load_scenes(folder: Path, split: str, count: int, workers: int = 2) -> TrainingScenes:
    """The first ``count`` scenes of a split, memory-mapped; drawn into ``folder`` first where absent."""
    stem = folder / f"scenes-{split}-{count}"
    paths = [stem.with_suffix(f".{part}.npy") for part in ("images", "owners", "labels")]
    if not all(path.exists() for path in paths):
        folder.mkdir(parents=True, exist_ok=True)
        _draw(paths, split, count, workers)
    return TrainingScenes(*(np.load(path, mmap_mode="r") for path in paths))


def _draw(paths: list[Path], split: str, count: int, workers: int) -> None:
    shapes = (
        ((count, SCENE_SIZE, SCENE_SIZE, 3), np.uint8),
        ((count, SCENE_SIZE, SCENE_SIZE), np.uint8),
        ((count, MAX_OBJECTS), np.int16),
    )
    parts = [path.with_suffix(".part") for path in paths]
    images, owners, labels = (
        np.lib.format.open_memmap(part, mode="w+", dtype=dtype, shape=shape)
        for part, (shape, dtype) in zip(parts, shapes, strict=True)
    )
    with ProcessPoolExecutor(workers) as pool:
        scenes = pool.map(partial(_scene, split), range(count), chunksize=16)
        for index, (image, owner, label) in enumerate(track(scenes, f"drawing {split}", count, "scenes")):
            images[index], owners[index], labels[index] = image, owner, label
    for array in (images, owners, labels):
        array.flush()
    for part, path in zip(parts, paths, strict=True):
        part.rename(path)


@lru_cache
def _classes_and_weights(split: str) -> tuple[tuple[DrawnClass, ...], list[float]]:
    if split == "unseen":
        return compose_classes(UNSEEN, UNSEEN_SEED), [1.0] * UNSEEN
    # A third of the objects are of the twenty base classes.
    weights = [1 / (2 * len(BASE_CLASSES))] * len(BASE_CLASSES) + [1 / COMPOSED] * COMPOSED
    return training_classes(), weights


def _scene(split: str, index: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.int16]]:
    classes, weights = _classes_and_weights(split)
    scene = draw_scene(classes, weights, (SPLITS[split], index))
    labels = np.full(MAX_OBJECTS, -1, dtype=np.int16)
    labels[: len(scene.labels)] = scene.labels
    return scene.image, scene.owners, labels
