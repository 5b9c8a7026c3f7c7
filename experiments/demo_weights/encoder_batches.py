"""Views of scenes for the encoder: whole scenes, crops like those of references, and small windows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from experiments.demo_weights.scenes import MAX_OBJECTS, TrainingScenes
from experiments.demo_weights.segmenter_batches import augment, normalise
from ntt.drawn.scenes import SCENE_SIZE
from ntt.memory.crops import crop_window

THROUGH = 256  # pixels: input side of the small segmenter
CONTEXT = 0.2  # of the reference crops, as in conf/memory/mean.yaml
MIN_CELLS = 2.0  # an object counts in a view when it covers this many patches
MIN_SHARE = 0.4  # and this much of what the scene shows of it, or a quarter of the view


@dataclass(frozen=True)
class Views:
    """B views of side S with g x g patches.

    Attributes:
        images: [B, 3, S, S], normalised.
        shares: [B, 11, g, g]: how much of each patch each of ten objects covers; index 0 is the background.
        labels: int64 [B, 11]: class of each object, -1 where it does not count; index 0 is -1.
    """

    images: Tensor
    shares: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.images)


View = tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.int64]]  # one image, its shares, its labels
Box = tuple[float, float, float, float]  # left, top, right, bottom in scene pixels


def whole_scenes(
    scenes: TrainingScenes, indices: NDArray[np.int64], size: int, patch: int, augmented: np.random.Generator | None
) -> Views:
    """Scenes as the proposal stage shows them to an encoder: by way of the segmenter's input size."""
    views = []
    for index in (int(i) for i in indices):
        small = Image.fromarray(scenes.images[index]).resize((THROUGH, THROUGH), Image.Resampling.BICUBIC)
        everything = (0.0, 0.0, float(SCENE_SIZE), float(SCENE_SIZE))
        owners, labels = scenes.owners[index], scenes.labels[index]
        picture = small.resize((size, size), Image.Resampling.BICUBIC)
        views.append(_view(picture, owners, labels, everything, patch, augmented))
    return stack_views(views)


def random_references(
    scenes: TrainingScenes, count: int, size: int, patch: int, generator: np.random.Generator
) -> Views:
    """Crops around random objects as the memory stage makes them."""
    views = []
    for _ in range(count):
        index, edges = _random_object(scenes, generator)
        views.append(_cropped(scenes, index, reference_box(edges), size, patch, generator))
    return stack_views(views)


def random_windows(scenes: TrainingScenes, count: int, size: int, patch: int, generator: np.random.Generator) -> Views:
    """Windows near random objects, from 0.7 to 1.4 of the object's extent."""
    views = []
    for _ in range(count):
        index, (left, top, right, bottom) = _random_object(scenes, generator)
        extent = max(right - left, bottom - top)
        side = min(extent * float(np.exp(generator.uniform(np.log(0.7), np.log(1.4)))), SCENE_SIZE - 1.0)
        slack = 0.35 * max(side, extent - side)
        x = (left + right - side) / 2 + generator.uniform(-slack, slack)
        y = (top + bottom - side) / 2 + generator.uniform(-slack, slack)
        x, y = (float(np.clip(edge, 0, SCENE_SIZE - side)) for edge in (x, y))
        views.append(_cropped(scenes, index, (x, y, x + side, y + side), size, patch, generator))
    return stack_views(views)


def object_edges(owners: NDArray[np.uint8], owner: int) -> tuple[int, int, int, int]:
    """Left, top, right, bottom (exclusive) of what is visible of an object."""
    mask = owners == owner
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def reference_box(edges: tuple[int, int, int, int]) -> Box:
    left, top, right, bottom = edges
    window = crop_window((left, top, right - left, bottom - top), SCENE_SIZE, SCENE_SIZE, CONTEXT)
    x0, y0, x1, y1 = (float(edge) for edge in window)
    return x0, y0, x1, y1


def object_reference(scenes: TrainingScenes, index: int, owner: int, size: int, patch: int) -> View:
    """The reference crop of one object, only that object labelled."""
    box = reference_box(object_edges(scenes.owners[index], owner))
    image, shares, _ = _cropped(scenes, index, box, size, patch, None)
    labels = np.full(MAX_OBJECTS + 1, -1, dtype=np.int64)
    labels[owner] = scenes.labels[index, owner - 1]
    return image, shares, labels


def _random_object(scenes: TrainingScenes, generator: np.random.Generator) -> tuple[int, tuple[int, int, int, int]]:
    while True:
        index = int(generator.integers(len(scenes)))
        owner = int(generator.integers(1, MAX_OBJECTS + 1))
        if scenes.labels[index, owner - 1] >= 0 and (scenes.owners[index] == owner).sum() > 400:
            return index, object_edges(scenes.owners[index], owner)


def stack_views(views: list[View]) -> Views:
    images, shares, labels = zip(*views, strict=True)
    return Views(normalise(np.stack(images)), torch.from_numpy(np.stack(shares)), torch.from_numpy(np.stack(labels)))


def _cropped(
    scenes: TrainingScenes, index: int, box: Box, size: int, patch: int, generator: np.random.Generator | None
) -> View:
    image = Image.fromarray(scenes.images[index]).resize((size, size), Image.Resampling.BICUBIC, box=box)
    return _view(image, scenes.owners[index], scenes.labels[index], box, patch, generator)


def _view(
    image: Image.Image,
    owners: NDArray[np.uint8],
    scene_labels: NDArray[np.int16],
    box: Box,
    patch: int,
    generator: np.random.Generator | None,
) -> View:
    """A view from the picture of ``box`` at its final size and from the owners and labels of the whole scene."""
    picture, size = np.asarray(image), image.width
    owner = np.asarray(Image.fromarray(owners).resize((size, size), Image.Resampling.NEAREST, box=box))
    if generator is not None:
        picture, owner = augment(picture, owner, generator)
    grid = size // patch
    flat = owner.reshape(grid, patch, grid, patch).transpose(0, 2, 1, 3).reshape(grid * grid, patch * patch)
    keys = flat.astype(np.int64) + np.arange(grid * grid)[:, None] * (MAX_OBJECTS + 1)
    counts = np.bincount(keys.ravel(), minlength=grid * grid * (MAX_OBJECTS + 1))
    shares = (counts.reshape(grid, grid, MAX_OBJECTS + 1).transpose(2, 0, 1) / patch**2).astype(np.float32)
    labels = np.concatenate([[-1], scene_labels]).astype(np.int64)
    cells = shares.sum(axis=(1, 2))
    zoom = size * size / ((box[2] - box[0]) * (box[3] - box[1]))
    whole = np.bincount(owners.ravel(), minlength=MAX_OBJECTS + 1) * zoom / patch**2  # patches, were all in view
    counted = (cells > MIN_CELLS) & ((cells > MIN_SHARE * whole) | (cells > grid * grid / 4))
    return picture, shares, np.where(counted, labels, -1)
