"""The two evaluators: hotcoco, and pycocotools as the reference. Their numbers are equal."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable
from typing import Any, Literal

import hotcoco
import numpy as np
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

Engine = Literal["hotcoco", "pycocotools"]
IouType = Literal["bbox", "segm"]


def precision_and_recall(
    ground_truth: dict[str, Any], predictions: list[dict[str, Any]], iou_type: IouType, engine: Engine
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Match predictions to the ground truth and accumulate, with COCO's default parameters.

    Neither argument is changed and nothing is printed. A prediction's size, for the size ranges, is its box's
    area in both IoU types: COCO's rule for results that carry a box and a mask.

    Args:
        ground_truth: COCO dict with ``images``, ``categories`` and ``annotations``.
        predictions: COCO results; may be empty.
        iou_type: what is overlapped, boxes or masks.
        engine: who computes.

    Returns:
        Precision [T, R, K, A, M] and recall [T, K, A, M] over IoU thresholds 0.50:0.05:0.95, recall levels
        0:0.01:1, categories by ascending id, areas (all, small, medium, large) and detections per class and
        image (1, 10, 100); -1 where there is no ground truth.
    """
    evaluator = _hotcoco if engine == "hotcoco" else _pycocotools
    accumulated = evaluator(*_renumbered(ground_truth, predictions), iou_type)
    assert accumulated is not None
    return np.asarray(accumulated["precision"]), np.asarray(accumulated["recall"])


def _renumbered(
    ground_truth: dict[str, Any], predictions: list[dict[str, Any]]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Copies that an evaluator may write to, with images, classes and annotations numbered from 1 in their order.

    COCO's matching marks a found object by its id and takes 0 for "none": object 0 would count as missed. One evaluator
    takes no id below 0, the other rounds some beyond 2^53 to the same float.
    """
    images = _numbers(image["id"] for image in ground_truth["images"])
    classes = _numbers(category["id"] for category in ground_truth["categories"])

    def placed(entry: dict[str, Any]) -> dict[str, Any]:
        return {**entry, "image_id": images[entry["image_id"]], "category_id": classes[entry["category_id"]]}

    truth = {
        **ground_truth,
        "images": [{**image, "id": images[image["id"]]} for image in ground_truth["images"]],
        "categories": [{**category, "id": classes[category["id"]]} for category in ground_truth["categories"]],
        "annotations": [{**placed(entry), "id": n} for n, entry in enumerate(ground_truth["annotations"], start=1)],
    }
    return truth, [placed(prediction) for prediction in predictions]


def _numbers(ids: Iterable[int]) -> dict[int, int]:
    return {identity: number for number, identity in enumerate(sorted(ids), start=1)}


def _hotcoco(
    ground_truth: dict[str, Any], predictions: list[dict[str, Any]], iou_type: IouType
) -> dict[str, Any] | None:
    truth = hotcoco.COCO(ground_truth)
    evaluation = hotcoco.COCOeval(truth, truth.loadRes(predictions), iou_type)
    evaluation.evaluate()
    evaluation.accumulate()
    return evaluation.eval


def _pycocotools(
    ground_truth: dict[str, Any], predictions: list[dict[str, Any]], iou_type: IouType
) -> dict[str, Any] | None:
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = ground_truth
        truth.createIndex()
        if predictions:
            results = truth.loadRes(predictions)
        else:
            # loadRes reads the first prediction and so cannot take none.
            results = COCO()
            results.dataset = {**ground_truth, "annotations": []}
            results.createIndex()
        evaluation = COCOeval(truth, results, iou_type)
        evaluation.evaluate()
        evaluation.accumulate()
    return evaluation.eval
