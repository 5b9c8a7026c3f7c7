"""All of a class in an image as one region: what semantic segmentation is about, where COCO has objects."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from ntt.data.coco import Annotation, CocoDataset, ImageRecord
from ntt.data.geometry import read_masks
from ntt.data.instance_maps import read_map
from ntt.data.polygons import united_rle
from ntt.data.splits import COCO_CLASSES
from ntt.errors import InputError

OFFICIAL, FROM_INSTANCES = "official", "instances"
Rle = dict[str, Any]


@dataclass(frozen=True)
class Regions:
    """The regions of a file's classes, by the official COCO-20i masks or joined from its objects.

    Attributes:
        source: the annotation file.
        folder: of the official masks: a picture each image, 0 where there is nothing, else 1 + the class's place among
            COCO's 80. None: regions are joined from objects, crowds included.
    """

    source: CocoDataset
    folder: Path | None
    _objects: dict[tuple[int, int], list[Annotation]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        for annotation in self.source.annotations:
            if annotation.segmentation is not None and not annotation.faults:
                self._objects[annotation.image_id, annotation.category_id].append(annotation)

    @property
    def kind(self) -> str:
        """Whose masks they are: "official" or "instances"."""
        return OFFICIAL if self.folder else FROM_INSTANCES

    def images(self, category_ids: Collection[int]) -> dict[int, list[int]]:
        """The images in which each class has an object that is no crowd, by ascending id."""
        found: dict[int, list[int]] = {category_id: [] for category_id in category_ids}
        for (image_id, category_id), objects in self._objects.items():
            if category_id in found and not all(one.iscrowd for one in objects):
                found[category_id].append(image_id)
        return {category_id: sorted(images) for category_id, images in found.items()}

    def of(self, image_id: int, category_id: int) -> Rle | None:
        """A class's region in an image, compressed; None where it has no pixel.

        Raises:
            InputError: the official mask is missing, unreadable or of another size, or an object's mask is unusable.
        """
        image = self.source.images[image_id]
        if self.folder:
            value = 1 + _place(self.source.categories[category_id], self.folder)
            region: Rle | None = self._encoded(_official(self.folder, image) == value)
        else:
            region = self._joined(self._objects.get((image_id, category_id), []), image)
        return region if region is not None and coco_mask.area(region) else None

    def _joined(self, objects: list[Annotation], image: ImageRecord) -> Rle | None:
        masks = read_masks(objects, {image.id: image})
        if refused := [i for i in masks.faults if i not in masks.empty]:
            raise InputError(
                f"{self.source.path}: annotation {objects[refused[0]].id} cannot be used: {masks.faults[refused[0]]}"
            )
        parts = [_compressed(one, image) for one in masks.segmentations if one is not None]
        return dict(coco_mask.merge(parts)) if parts else None

    @staticmethod
    def _encoded(mask: NDArray[np.bool_]) -> Rle:
        return dict(coco_mask.encode(np.asfortranarray(mask.astype(np.uint8))))


def as_annotation(identity: int, image_id: int, category_id: int, region: Rle) -> Annotation:
    """A region as an annotated object; its text form is what keys and files hold."""
    x, y, width, height = map(float, coco_mask.toBbox(region))
    text = {"size": [int(side) for side in region["size"]], "counts": region["counts"].decode()}
    area = float(coco_mask.area(region))
    return Annotation(identity, image_id, category_id, (x, y, width, height), text, area, False)


def official_folder(masks: str | None) -> Path | None:
    """The folder of official masks if it is there and holds any."""
    folder = Path(masks).expanduser() if masks else None
    return folder if folder is not None and next(folder.glob("*.png"), None) else None


def _compressed(segmentation: Rle | list[list[float]], image: ImageRecord) -> Rle:
    if isinstance(segmentation, list):
        return united_rle(segmentation, image.height, image.width)
    if isinstance(segmentation["counts"], list):
        return dict(coco_mask.frPyObjects(segmentation, image.height, image.width))
    return segmentation


def _official(folder: Path, image: ImageRecord) -> NDArray[np.int64]:
    stem = Path(image.file_name).stem
    number = stem.rpartition("_")[2]
    names = (stem, f"COCO_val2014_{number}", f"COCO_train2014_{number}", number)
    file = next((folder / f"{name}.png" for name in names if (folder / f"{name}.png").is_file()), None)
    if file is None:
        raise InputError(f"{folder} has no mask {stem}.png of {image.file_name}: complete it, or give no masks.")
    values = read_map(file)
    if values.shape != (image.height, image.width):
        raise InputError(f"{file} is of size {values.shape}, its image of {(image.height, image.width)}.")
    return values


def _place(name: str, folder: Path) -> int:
    if name not in COCO_CLASSES:
        raise InputError(f"{name!r} is none of COCO's 80 classes, by whose order the masks in {folder} are numbered.")
    return COCO_CLASSES.index(name)
