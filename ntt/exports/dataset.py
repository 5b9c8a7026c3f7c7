"""Detections as a COCO *dataset*: images with names and sizes, classes with names, objects with scores."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pycocotools import mask as coco_mask


def coco_dataset(
    images: Iterable[Mapping[str, Any]],
    categories: Mapping[int, str],
    predictions: Iterable[Mapping[str, Any]],
    first_id: int = 1,
) -> dict[str, Any]:
    """The dataset of COCO results.

    Args:
        images: id, file_name, height and width of each.
        categories: id -> name.
        predictions: COCO results; ids of annotations count in their order.
        first_id: of the first annotation.
    """
    annotations = [
        {
            "id": number,
            "image_id": row["image_id"],
            "category_id": row["category_id"],
            "bbox": [float(value) for value in row["bbox"]],  # as they are read back from the store
            "area": float(coco_mask.area(row["segmentation"])),
            "iscrowd": 0,
            "segmentation": row["segmentation"],
            "score": float(row["score"]),
        }
        for number, row in enumerate(predictions, start=first_id)
    ]
    return {
        "images": [dict(image) for image in images],
        "categories": [{"id": identity, "name": name} for identity, name in categories.items()],
        "annotations": annotations,
    }
