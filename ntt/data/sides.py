"""Pictures whose sides are stated the other way round: turned by EXIF, or width and height mistaken.

Phones store a picture lying down and say in EXIF how to turn it. Most tools show and annotate it upright; some of these
state the sides of the stored one. Objects then lie outside the stated picture, and inside the upright one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ntt.data.coco import Annotation, CocoDataset, ImageRecord
from ntt.data.geometry import read_masks
from ntt.data.images import stored_size
from ntt.data.pictures import Pictures

_ROUNDING = 2.0  # pixels by which an object may leave its picture


def upright_sides(
    dataset: CocoDataset, annotations: Sequence[Annotation], pictures: Pictures
) -> tuple[CocoDataset, list[str]]:
    """The dataset with the sides of such pictures as they are when the picture stands upright.

    A picture counts as one if its objects leave the stated sides, stay within the exchanged ones, and the file says
    that it is so large when it stands upright. If no object of the file says otherwise, those pictures follow that EXIF
    turns and whose sides are stated as they are stored, but whose objects fit both ways.

    Args:
        dataset: the annotation file.
        annotations: of it, those that matter.
        pictures: finds its pictures.

    Returns:
        The dataset, itself where nothing changes, and a sentence about it.
    """
    reach = dataset.derived.of("reach", annotations, lambda: _reach(dataset, annotations))
    turned = {
        image
        for image, (x, y) in reach.items()
        if _leaves(dataset.images[image], x, y) and _can_turn(dataset.images[image], x, y)
    }
    turned = {image for image in turned if _upright_as_exchanged(dataset.images[image], pictures)}
    if not turned:
        return dataset, []
    lying = {
        image: record
        for image, record in dataset.images.items()
        if image in reach and image not in turned and _upright_as_exchanged(record, pictures)
    }
    if all(_can_turn(dataset.images[image], *reach[image]) for image in lying):
        turned |= lying.keys()
    images = {
        number: replace(record, height=record.width, width=record.height) if number in turned else record
        for number, record in dataset.images.items()
    }
    first = dataset.images[min(turned)]
    told = (
        f"{dataset.path}: {len(turned)} pictures have their sides swapped: objects lie outside of them, and the files "
        f"are as high as they are said to be wide once they stand upright (EXIF), as they are read now. The first is "
        f"{first.file_name!r}, stated as {first.width} wide and {first.height} high"
    )
    return replace(dataset, images=images), [told]


def _reach(dataset: CocoDataset, annotations: Sequence[Annotation]) -> dict[int, tuple[float, float]]:
    """By image the largest x and y of its objects: of masks, else of boxes."""
    # Run lengths know their picture's sides; those of the exchanged ones reach as far as these.
    masks = read_masks(annotations, dataset.images)
    reach: dict[int, tuple[float, float]] = {}
    for index, annotation in enumerate(annotations):
        record = dataset.images[annotation.image_id]
        end = masks.extents[index, 2:]
        size = annotation.segmentation.get("size") if isinstance(annotation.segmentation, dict) else None
        if size == [record.width, record.height]:
            end = np.array([record.height, record.width])
        elif np.isnan(end).any():
            end = _box_end(annotation)
        x, y = reach.get(annotation.image_id, (0.0, 0.0))
        if not np.isnan(end).any():
            reach[annotation.image_id] = (max(x, float(end[0])), max(y, float(end[1])))
    return reach


def _box_end(annotation: Annotation) -> np.ndarray:
    x, y, width, height = annotation.bbox
    return np.array([x + width, y + height])


def _leaves(record: ImageRecord, x: float, y: float) -> bool:
    return x > record.width + _ROUNDING or y > record.height + _ROUNDING


def _can_turn(record: ImageRecord, x: float, y: float) -> bool:
    """Whether an image's objects fit the exchanged sides."""
    return x <= record.height + _ROUNDING and y <= record.width + _ROUNDING


def _upright_as_exchanged(record: ImageRecord, pictures: Pictures) -> bool:
    if record.height == record.width or record.file_name in pictures.missing:
        return False
    return stored_size(pictures.path(record.file_name)) == (record.width, record.height)
