"""A synthetic LVIS set of 50 images and 300 classes, the same each time, with nothing but the standard library."""

from __future__ import annotations

import random
from typing import Any

SIDE = 200


def rectangle(box: list[float]) -> list[list[float]]:
    """A box as a polygon whose upper right corner is cut, so that boxes and masks overlap differently."""
    x, y, width, height = box
    cut = [x + width / 2, y, x + width, y + height / 2]
    return [[x, y, *cut, x + width, y + height, x, y + height]]


def random_set() -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The ground truth without `file_name`; predictions, over 300 in image 1, some of unchecked classes."""
    rng = random.Random(16)
    categories = [{"id": i, "name": f"class {i}", "frequency": "rcf"[i % 3]} for i in range(1, 301)]
    images, annotations, predictions = [], [], []
    for image_id in range(1, 51):
        present = rng.sample(range(1, 301), 8)
        others = [i for i in range(1, 301) if i not in present]
        images.append(
            {
                "id": image_id,
                "height": SIDE,
                "width": SIDE,
                "coco_url": f"http://images.cocodataset.org/val2017/{image_id:012d}.jpg",
                "neg_category_ids": rng.sample(others, 20),
                "not_exhaustive_category_ids": rng.sample(present, 2),
            }
        )
        for category_id in present:
            for _ in range(rng.randint(1, 3)):
                box = random_box(rng)
                identity = {"id": len(annotations) + 1, "image_id": image_id, "category_id": category_id}
                annotations.append(
                    {**identity, "bbox": box, "area": 0.875 * box[2] * box[3], "segmentation": rectangle(box)}
                )
                for _ in range(2):
                    predictions.append(
                        predicted(rng, image_id, category_id, [value + rng.randint(-3, 3) for value in box])
                    )
        for category_id in rng.sample(others, 60 if image_id > 1 else 290):
            predictions.append(predicted(rng, image_id, category_id, random_box(rng)))
    return {"images": images, "categories": categories, "annotations": annotations}, predictions


def random_box(rng: random.Random) -> list[float]:
    width, height = rng.randint(12, 120), rng.randint(12, 120)
    return [float(v) for v in (rng.randint(4, SIDE - width - 8), rng.randint(4, SIDE - height - 8), width, height)]


def predicted(rng: random.Random, image_id: int, category_id: int, box: list[float]) -> dict[str, Any]:
    return {
        "image_id": image_id,
        "category_id": category_id,
        "score": rng.random(),
        "bbox": box,
        "segmentation": rectangle(box),
    }
