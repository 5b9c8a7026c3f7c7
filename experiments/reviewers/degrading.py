"""References made worse: the drawn objects with a part covered, or blurred; everything else of the data as it is."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from pycocotools import mask as coco_mask

from ntt.data.geometry import annotation_mask
from ntt.data.images import load_image
from ntt.stages import references
from ntt.stages.workspace import Workspace

SIDES = ("left", "right", "top", "bottom")


def write_degraded(work: Workspace, folder: Path, occlude: float = 0.0, blur: float = 0.0) -> list[str]:
    """Write the run's references with a picture of its own each; returns the options that name them.

    Args:
        work: a run whose references were drawn.
        folder: for `references.json` and its pictures.
        occlude: share of each object's box that is covered, from a side drawn by the object's id. The mask is what is
            left, as an annotator would draw it.
        blur: radius of a Gaussian blur of the picture, as a share of the object's longer side.
    """
    folder.mkdir(parents=True, exist_ok=True)
    annotations = references.chosen_annotations(work)
    images: list[dict[str, Any]] = []
    described: list[dict[str, Any]] = []
    for number, one in enumerate(references.load(work), start=1):
        annotation, record = annotations[one.annotation_id], work.inputs.references.images[one.image_id]
        pixels = load_image(references.image_path(work, one), (record.height, record.width))
        mask = annotation_mask(annotation, record.height, record.width)
        if blur:
            radius = blur * max(annotation.bbox[2:])
            pixels = np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(radius)))
        if occlude:
            pixels, mask = covered(pixels, mask, annotation.bbox, occlude, random.Random(annotation.id).choice(SIDES))
        if not mask.any():
            continue  # nothing is left to see of a very thin object
        Image.fromarray(pixels).save(folder / f"{number:05d}.png")
        encoded = coco_mask.encode(np.asfortranarray(mask))
        box = annotation.bbox if not occlude else coco_mask.toBbox(encoded).tolist()
        images.append({"id": number, "file_name": f"{number:05d}.png", "height": record.height, "width": record.width})
        described.append(
            {
                "id": number,
                "image_id": number,
                "category_id": one.category_id,
                "bbox": list(box),
                "area": int(mask.sum()),
                "segmentation": {"size": [record.height, record.width], "counts": encoded["counts"].decode()},
            }
        )
    categories = [{"id": identity, "name": name} for identity, name in work.inputs.categories.items()]
    document = {"images": images, "annotations": described, "categories": categories}
    (folder / "references.json").write_text(json.dumps(document))
    return [
        *(f"dataset.references={folder / 'references.json'}", f"dataset.reference_images={folder}"),
        *("dataset.reference_ids=all", "dataset.format=coco"),
    ]


def covered(
    pixels: NDArray[np.uint8], mask: NDArray[np.uint8], box: tuple[float, ...], share: float, side: str
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A picture [H, W, 3] with a share of a box x, y, width, height painted grey from a side; the mask that is left."""
    x, y, width, height = box
    left, top, right, bottom = x, y, x + width, y + height
    if side == "left":
        right = x + share * width
    elif side == "right":
        left = x + (1 - share) * width
    elif side == "top":
        bottom = y + share * height
    else:
        top = y + (1 - share) * height
    rows, columns = slice(round(top), round(bottom)), slice(round(left), round(right))
    worse, visible = pixels.copy(), mask.copy()
    worse[rows, columns] = 128
    visible[rows, columns] = 0
    return worse, visible
