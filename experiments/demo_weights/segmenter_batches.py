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


@dataclass(frozen=True)
class SegmenterBatch:
    """B scenes with P prompts each.

    Attributes:
        images: [B, 3, S, S], normalised.
        owners: int64 [B, m, m] on the mask grid: whose pixel lies at the cell's centre (0: background).
        points: [B * P, 2] in pixels of the S grid.
        boxes: [B * P, 4] xyxy in pixels, used in place of the point where ``boxed``.
        targets: [B * P, m, m] in [0, 1], the share of each cell that the prompted object covers.
        foreground: bool [B * P], whether the prompt is on an object at all.
    """

    images: Tensor
    owners: Tensor
    points: Tensor
    boxes: Tensor
    targets: Tensor
    foreground: Tensor


def segmenter_batch(
    scenes: TrainingScenes, size: int, images: int, prompts: int, seed: tuple[int, ...]
) -> SegmenterBatch:
    """A batch drawn with ``seed``: three quarters of the prompts on objects (each object equally likely)."""
    generator = np.random.Generator(np.random.PCG64(np.random.SeedSequence(list(seed))))
    scale = size / SCENE_SIZE
    pictures, owner_maps, points, boxes, targets, foreground = [], [], [], [], [], []
    for index in generator.integers(len(scenes), size=images):
        image, owners = augment(scenes.images[index], scenes.owners[index], generator)
        pictures.append(np.asarray(Image.fromarray(image).resize((size, size), Image.Resampling.BICUBIC)))
        owner_maps.append(cell_owners(owners, size // 4))
        present = np.unique(owners[owners > 0])
        for _ in range(prompts):
            wanted = 0 if generator.random() < 0.25 or len(present) == 0 else int(generator.choice(present))
            rows, columns = np.nonzero(owners == wanted)
            pick = generator.integers(len(rows))
            points.append(((columns[pick] + generator.random()) * scale, (rows[pick] + generator.random()) * scale))
            jitter = generator.normal(0, 2.5, 4)
            edges = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
            boxes.append((edges + jitter) * scale)
            mask = (owners == wanted) if wanted else np.zeros_like(owners, dtype=bool)
            targets.append(_cell_cover(mask, size // 4))
            foreground.append(wanted > 0)
    return SegmenterBatch(
        normalise(np.stack(pictures)),
        torch.from_numpy(np.stack(owner_maps).astype(np.int64)),
        torch.tensor(np.array(points), dtype=torch.float32),
        torch.tensor(np.array(boxes), dtype=torch.float32).clamp(0, size),
        torch.from_numpy(np.stack(targets)),
        torch.tensor(foreground),
    )


def augment(
    image: NDArray[np.uint8], owners: NDArray[np.uint8], generator: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Mirror at random, and give the scene other colours: channels permuted, some of them inverted."""
    image = image[..., generator.permutation(3)]
    inverted = generator.random(3) < 0.3
    image = np.where(inverted, 255 - image, image).astype(np.uint8)
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
