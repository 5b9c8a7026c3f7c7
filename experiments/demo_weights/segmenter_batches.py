"""Scenes with point and box prompts, as the segmenter is trained on them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from experiments.demo_weights.scenes import TrainingScenes
from ntt.drawn.scenes import SCENE_SIZE

NORMAL_MEAN = (0.485, 0.456, 0.406)
NORMAL_STD = (0.229, 0.224, 0.225)
WINDOW_STEP = 32  # pixels of the full input
MIN_PIXELS = 150  # of the scene: less of an object than this is not asked for


@dataclass(frozen=True)
class SegmenterBatch:
    """B scenes, or windows of side S of them, with P prompts each.

    Attributes:
        images: [B, 3, S, S], normalised.
        corner: row and column, in pixels of the segmenter's full input, at which the windows sit; (0, 0) for scenes.
        owners: int64 [B, m, m] on the mask grid (m = S / 4): whose pixel lies at the cell's centre (0: background).
        points: [B * P, 2] (x, y) in pixels of the segmenter's full input.
        boxes: [B * P, 4] xyxy in pixels, used in place of the point where ``boxed``.
        targets: [B * P, m, m] in [0, 1], the share of each cell that the prompted object covers.
        foreground: bool [B * P], whether the prompt is on an object at all.
    """

    images: Tensor
    corner: tuple[int, int]
    owners: Tensor
    points: Tensor
    boxes: Tensor
    targets: Tensor
    foreground: Tensor


def segmenter_batch(
    scenes: TrainingScenes, full: int, size: int, images: int, prompts: int, seed: tuple[int, ...]
) -> SegmenterBatch:
    """A batch drawn with ``seed``: three quarters of the prompts on objects (each object equally likely).

    Args:
        full: side of the segmenter's input, to which a whole scene is resized.
        size: side of the windows cut out of it (``full`` for whole scenes).
    """
    generator = np.random.Generator(np.random.PCG64(np.random.SeedSequence(list(seed))))
    scale = full / SCENE_SIZE
    # Windows sit on the tiling of the trunk's position embedding and never move within it.
    row, column = (int(step) * WINDOW_STEP for step in generator.integers((full - size) // WINDOW_STEP + 1, size=2))
    top, left, side = (round(edge / scale) for edge in (row, column, size))
    pictures, owner_maps, points, boxes, targets, foreground = [], [], [], [], [], []
    for index in generator.integers(len(scenes), size=images):
        image, owners = augment(scenes.images[index], scenes.owners[index], generator)
        image, owners = (
            image[top : top + side, left : left + side],
            owners[top : top + side, left : left + side],
        )
        pictures.append(np.asarray(Image.fromarray(image).resize((size, size), Image.Resampling.BICUBIC)))
        owner_maps.append(cell_owners(owners, size // 4))
        counts = np.bincount(owners.ravel())
        present = np.flatnonzero(counts[1:] > MIN_PIXELS) + 1
        empty = counts[0] > 0
        for _ in range(prompts):
            free = len(present) == 0 or (empty and generator.random() < 0.25)
            wanted = 0 if free else int(generator.choice(present))
            rows, columns = np.nonzero(owners == wanted)
            pick = generator.integers(len(rows))
            within = np.array([columns[pick], rows[pick]]) + generator.random(2)
            points.append(within * scale + (column, row))
            jitter = generator.normal(0, 2.5, 4)
            edges = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
            boxes.append(np.clip((edges + jitter) * scale, 0, size) + np.array([column, row, column, row]))
            mask = (owners == wanted) if wanted else np.zeros_like(owners, dtype=bool)
            targets.append(_cell_cover(mask, size // 4))
            foreground.append(wanted > 0)
    return SegmenterBatch(
        normalise(np.stack(pictures)),
        (row, column),
        torch.from_numpy(np.stack(owner_maps).astype(np.int64)),
        torch.tensor(np.array(points), dtype=torch.float32),
        torch.tensor(np.array(boxes), dtype=torch.float32),
        torch.from_numpy(np.stack(targets)),
        torch.tensor(foreground),
    )


def augment(
    image: NDArray[np.uint8], owners: NDArray[np.uint8], generator: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Mirror at random and permute the colour channels."""
    image = image[..., generator.permutation(3)]
    if generator.random() < 0.5:
        image, owners = image[:, ::-1], owners[:, ::-1]
    return np.ascontiguousarray(image), np.ascontiguousarray(owners)


def normalise(images: NDArray[np.uint8]) -> Tensor:
    """uint8 [B, S, S, 3] -> float32 [B, 3, S, S] with ImageNet's mean and deviation."""
    mean, std = torch.tensor(NORMAL_MEAN).view(3, 1, 1), torch.tensor(NORMAL_STD).view(3, 1, 1)
    return (torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255 - mean) / std


def cell_owners(owners: NDArray[np.uint8], cells: int) -> NDArray[np.uint8]:
    """[S, S] -> [cells, cells]: the owner at each cell's centre."""
    step = owners.shape[0] / cells
    centres = ((np.arange(cells) + 0.5) * step).astype(np.int64)
    return owners[np.ix_(centres, centres)]


def _cell_cover(mask: NDArray[np.bool_], cells: int) -> NDArray[np.float32]:
    step = mask.shape[0] // cells
    return mask.reshape(cells, step, cells, step).mean(axis=(1, 3), dtype=np.float32)
