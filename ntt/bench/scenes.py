"""Images and detections to measure on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from pycocotools import mask as coco_mask
from torch import Tensor

from ntt.data.images import IMAGE_SUFFIXES, load_image
from ntt.errors import InputError
from ntt.masks.windowed import rle_areas, rle_boxes

HEIGHT, WIDTH = 480, 640  # the usual size of a COCO image


def folder_images(folder: Path, count: int) -> list[np.ndarray]:
    """The first images of a folder by name, uint8 ``[H, W, 3]`` each.

    Raises:
        InputError: the folder has none.
    """
    files = sorted(file for file in folder.glob("*") if file.suffix.lower() in IMAGE_SUFFIXES)
    if not files:
        raise InputError(f"--images {folder} has no image; name a folder with some, or leave it out")
    return [load_image(file) for file in files[:count]]


def made_up_images(count: int) -> list[np.ndarray]:
    """Images of overlapping coloured discs on a gradient, with some noise; uint8 ``[H, W, 3]`` each."""
    return [_image(np.random.default_rng(seed)) for seed in range(count)]


def _image(random: np.random.Generator) -> np.ndarray:
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    image = np.stack([128 + 0.1 * y, 100 + 0.1 * x, 160 - 0.1 * y], axis=2)
    for radius in random.uniform(10, 120, size=40):
        centre_y, centre_x = random.uniform(0, HEIGHT), random.uniform(0, WIDTH)
        image[(y - centre_y) ** 2 + (x - centre_x) ** 2 < radius**2] = random.uniform(0, 255, size=3)
    return np.clip(image + random.normal(0, 8, size=image.shape), 0, 255).astype(np.uint8)


def disc_logits(count: int, side: int = 256) -> Tensor:
    """float32 ``[count, side, side]`` mask logits of discs with frayed borders, from small to half of the image."""
    generator = torch.Generator().manual_seed(0)
    y, x = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    radius = torch.exp(torch.rand(count, generator=generator) * 2.5 + 1.5) * side / 256  # 4 to 55 at 256
    centre = torch.rand(count, 2, generator=generator) * side
    distance = ((x - centre[:, 0, None, None]) ** 2 + (y - centre[:, 1, None, None]) ** 2).sqrt()
    return radius[:, None, None] - distance + 0.5 * torch.randn(count, side, side, generator=generator)


@dataclass(frozen=True)
class Ellipses:
    """Made-up proposals of an image; the fields are named as in :class:`ntt.proposals.image_proposals.ImageProposals`.

    Attributes:
        rles: N COCO encodings.
        boxes: int64 [N, 4] xyxy inclusive, in pixels of the image.
        areas: int64 [N].
        predicted_iou: float32 [N].
        vectors: float32 [N, D] unit vectors around the prototypes.
        prototypes: float32 [C, D] unit vectors.
    """

    rles: list[dict[str, Any]]
    boxes: Tensor
    areas: Tensor
    predicted_iou: Tensor
    vectors: Tensor
    prototypes: Tensor


def ellipses(count: int, classes: int) -> Ellipses:
    """``count`` proposals of ``classes`` classes."""
    random, generator = np.random.default_rng(0), torch.Generator().manual_seed(0)
    rles = [_encode(*_ellipse(random))[0] for _ in range(count)]
    prototypes = F.normalize(torch.randn(classes, 1024, generator=generator), dim=1)
    around = prototypes[torch.randint(classes, (count,), generator=generator)]
    vectors = F.normalize(around + 0.03 * torch.randn(count, 1024, generator=generator), dim=1)
    predicted_iou = torch.rand(count, generator=generator)
    return Ellipses(rles, rle_boxes(rles), rle_areas(rles), predicted_iou, vectors, prototypes)


def detections_of(images: int, detections: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Ground truth of seven ellipses an image and detections around them, as COCO dicts.

    Args:
        images: how many.
        detections: per image.
    """
    random = np.random.default_rng(0)
    classes = list(range(1, 21))
    truth: dict[str, Any] = {
        "images": [{"id": i, "height": HEIGHT, "width": WIDTH} for i in range(1, images + 1)],
        "categories": [{"id": i, "name": f"class {i}"} for i in classes],
        "annotations": [],
    }
    results = []
    for image in range(1, images + 1):
        objects = [(*_ellipse(random), int(random.choice(classes))) for _ in range(7)]
        for x, y, a, b, category in objects:
            rle, box, area = _encode(x, y, a, b)
            entry = {"id": len(truth["annotations"]) + 1, "image_id": image, "category_id": category, "iscrowd": 0}
            truth["annotations"].append({**entry, "segmentation": rle, "bbox": box, "area": area})
        for _ in range(detections):
            x, y, a, b, category = objects[random.integers(len(objects))]
            shift = random.normal(0, 0.2, size=2) * (a, b)
            rle, box, _ = _encode(x + shift[0], y + shift[1], a, b)
            result = {"image_id": image, "category_id": category, "segmentation": rle, "bbox": box}
            results.append({**result, "score": float(random.random())})
    return truth, results


def _ellipse(random: np.random.Generator) -> tuple[float, float, float, float]:
    """Centre x, y and half axes, in pixels."""
    a, b = random.uniform(5, 100, size=2)
    return float(random.uniform(0, WIDTH)), float(random.uniform(0, HEIGHT)), float(a), float(b)


def _encode(x: float, y: float, a: float, b: float) -> tuple[dict[str, Any], list[float], float]:
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    corners = np.stack([x + a * np.cos(angles), y + b * np.sin(angles)], axis=1)
    polygon = np.clip(corners, 0, [WIDTH, HEIGHT]).flatten().tolist()
    rle = coco_mask.merge(coco_mask.frPyObjects([polygon], HEIGHT, WIDTH))
    encoded = {"size": [HEIGHT, WIDTH], "counts": rle["counts"].decode("ascii")}
    return encoded, coco_mask.toBbox(rle).tolist(), float(coco_mask.area(rle))
