"""What every export format is given, and what it has to do.

A new format is one file: `ntt/exports/NAME.py` with a class `Exporter`, which `export.formats=[NAME]` then finds.
"""

from __future__ import annotations

import shutil
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask


@dataclass(frozen=True)
class FoundObject:
    """One detection.

    Attributes:
        label: its class, as a place in the run's list of classes.
        name: of its class.
        score: 0 to 1.
        rle: its mask as COCO's compressed run lengths.
    """

    label: int
    name: str
    score: float
    rle: dict[str, Any]

    @cached_property
    def mask(self) -> NDArray[np.uint8]:
        """uint8 [H, W] of 0 and 1."""
        decoded: NDArray[np.uint8] = coco_mask.decode(self.rle)
        return decoded

    @cached_property
    def box(self) -> tuple[int, int, int, int]:
        """x, y, width, height around the mask's pixels."""
        x, y, width, height = coco_mask.toBbox(self.rle).tolist()
        return int(x), int(y), int(width), int(height)


@dataclass(frozen=True)
class Scene:
    """One image with what was found in it, best first.

    Attributes:
        image_id: as in predictions.json.
        file_name: as in detections.json.
        path: of the image.
        height: in pixels, of the upright image.
        width: likewise.
        objects: those of at least the threshold.
    """

    image_id: int
    file_name: str
    path: Path
    height: int
    width: int
    objects: Sequence[FoundObject]


@dataclass
class Losses:
    """How much of each mask a format keeps: the IoU of what a reader of it gets with the mask itself."""

    ious: list[float] = field(default_factory=list)

    def summary(self) -> dict[str, Any]:
        """Figures for loss.json."""
        if not self.ious:
            return {"objects": 0}
        ious = np.array(self.ious)
        figures = {"mean_iou": ious.mean(), "least_iou": ious.min()}
        return {
            "objects": len(ious),
            "exact": int((ious == 1).sum()),
            **{key: round(float(value), 5) for key, value in figures.items()},
        }


class Exporter(ABC):
    """Writes one format below a folder, image by image.

    Args:
        folder: empty or to be made.
        classes: names of the run's classes, in their order.
        tolerance: by how many pixels a polygon may stray from its mask's outline.
    """

    def __init__(self, folder: Path, classes: Sequence[str], tolerance: float) -> None:
        self.folder = folder
        self.classes = list(classes)
        self.tolerance = tolerance
        self.losses = Losses()
        self._taken: set[str] = set()
        folder.mkdir(parents=True, exist_ok=True)

    @abstractmethod
    def add(self, scene: Scene) -> None:
        """Write one image's objects."""

    def finish(self) -> None:
        """Write what is about all images."""
        return

    def name_for(self, scene: Scene) -> Path:
        """A relative name for the image, below the folder; names without their suffix are all different."""
        parts = [part for part in Path(scene.file_name).parts if part not in ("/", "..", ".") and ":" not in part]
        name = Path(*parts) if parts else Path(f"{scene.image_id}.png")
        if str(name.with_suffix("")) in self._taken:
            name = name.with_name(f"{name.stem}_{scene.image_id}{name.suffix}")
        self._taken.add(str(name.with_suffix("")))
        return name

    def place_image(self, scene: Scene, place: Path) -> None:
        """Link the image into the export, where links can be made; else copy it."""
        place.parent.mkdir(parents=True, exist_ok=True)
        place.unlink(missing_ok=True)
        try:
            place.symlink_to(scene.path.resolve())
        except OSError:
            shutil.copyfile(scene.path, place)


def make_exporter(name: str, folder: Path, classes: Sequence[str], tolerance: float) -> Exporter:
    """The exporter of a format; the config has checked that it is there."""
    exporter: Exporter = import_module(f"ntt.exports.{name}").Exporter(folder, classes, tolerance)
    return exporter


def id_map(objects: Sequence[FoundObject], height: int, width: int) -> NDArray[np.int32]:
    """int32 [H, W]: 0 where nothing is, else 1 + the place of the best object there; objects come best first."""
    ids = np.zeros((height, width), dtype=np.int32)
    for place in reversed(range(len(objects))):
        ids[objects[place].mask > 0] = place + 1
    return ids


def visible_ious(objects: Sequence[FoundObject], ids: NDArray[np.int32]) -> list[float]:
    """Of each object the share of its mask that is left in an id map, where better ones cover it."""
    seen = np.bincount(ids.ravel(), minlength=len(objects) + 1)
    return [float(seen[place]) / max(int(one.mask.sum()), 1) for place, one in enumerate(objects, start=1)]
