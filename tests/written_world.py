"""A small world of labelled pictures, and what every format's writer needs of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pycocotools import mask as coco_mask

Polygon = list[float]


@dataclass(frozen=True)
class Drawn:
    """An object: its class, and its outline or its mask."""

    name: str
    polygons: list[Polygon] | None
    mask: NDArray[np.bool_]


@dataclass(frozen=True)
class World:
    """Pictures by file name, uint8 [H, W, 3], and the objects in each."""

    pictures: dict[str, NDArray[np.uint8]]
    objects: dict[str, list[Drawn]]

    @property
    def names(self) -> list[str]:
        return sorted({one.name for every in self.objects.values() for one in every})


def rasterised(polygons: list[Polygon], height: int, width: int) -> NDArray[np.bool_]:
    return coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(polygons, height, width))).astype(bool)


def rle(mask: NDArray[np.bool_]) -> dict[str, Any]:
    found = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": list(map(int, found["size"])), "counts": found["counts"].decode()}


def box_of(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """x1, y1, x2, y2, the last ones exclusive."""
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def save_pictures(world: World, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, pixels in world.pictures.items():
        Image.fromarray(pixels).save(folder / name)
