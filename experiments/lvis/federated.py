"""LVIS' evaluation: federated AP, by how rare a class is, of the 300 best detections of an image."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import hotcoco

from ntt.errors import InputError

MOST = 300
"""Detections of an image that count, over all classes."""
_OF_IMAGES = ("neg_category_ids", "not_exhaustive_category_ids")


def evaluate_lvis(
    ground_truth: dict[str, Any], predictions: list[dict[str, Any]], task: str = "bbox"
) -> dict[str, float]:
    """LVIS' thirteen figures as fractions, -1.0 where there is nothing to measure.

    A detection of a class counts only in images checked for it: those that have objects of it, and those whose
    `neg_category_ids` name it. Where an image is `not_exhaustive` for a class, unmatched detections cost nothing.

    Args:
        ground_truth: an LVIS file: categories with `frequency` (r, c or f), images with the two lists.
        predictions: COCO results of any number.
        task: bbox or segm.

    Returns:
        AP, AP50, AP75, APs, APm, APl, APr, APc, APf, and AR of 300 detections, all and by size.

    Raises:
        InputError: it is no LVIS file: a class has no frequency, or an image lacks one of the lists.
    """
    for key in ("categories", "images", "annotations"):
        if not isinstance(ground_truth.get(key), list):
            raise InputError(f"It has no list {key}, so it is no LVIS file.")
    _check(ground_truth, predictions)
    truth = hotcoco.LVIS(ground_truth)
    evaluation = hotcoco.LVISEval(truth, hotcoco.LVISResults(truth, predictions, MOST), task)
    evaluation.evaluate()
    evaluation.accumulate()
    # It prints its summary while making the figures.
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation.summarize()
    return {key: float(value) for key, value in evaluation.get_results().items()}


def _check(ground_truth: dict[str, Any], predictions: list[dict[str, Any]]) -> None:
    for category in ground_truth["categories"]:
        if category.get("frequency") not in ("r", "c", "f"):
            raise InputError(
                f"Class {category['id']} has no frequency r, c or f, so this is no LVIS file: give lvis_v1_val.json or "
                "lvis_v1_minival.json, or evaluate as COCO does."
            )
    for image in ground_truth["images"]:
        for key in _OF_IMAGES:
            if not isinstance(image.get(key), list):
                raise InputError(
                    f"Image {image['id']} has no list {key}, so this is no LVIS file: which classes it was checked for "
                    "is not known."
                )
    known = {
        "image_id": {image["id"] for image in ground_truth["images"]},
        "category_id": {category["id"] for category in ground_truth["categories"]},
    }
    for index, prediction in enumerate(predictions):
        for key, ids in known.items():
            if prediction.get(key) not in ids:
                raise InputError(f"Prediction {index} has {key} {prediction.get(key)}, which the LVIS file does not.")
