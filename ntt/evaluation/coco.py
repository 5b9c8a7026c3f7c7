"""COCO's figures for boxes and masks, over all classes and class by class."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from ntt.data.coco import CocoDataset
from ntt.data.federated import Federated
from ntt.data.geometry import read_masks
from ntt.data.rle import run_lengths
from ntt.errors import InputError
from ntt.evaluation.engines import Engine, precision_and_recall
from ntt.foreign.parsing import parsing

Figures = dict[str, float]
"""AP, AP50, AP75, APs, APm, APl, AR1, AR10, AR100, ARs, ARm, ARl as fractions; -1.0 without ground truth."""


class Metrics(TypedDict):
    """What :func:`evaluate` returns."""

    bbox: Figures
    segm: Figures
    per_class: dict[str, dict[str, Figures]]
    """Class name -> "bbox" and "segm" -> AP, AP50, AP75, APs, APm, APl and AR100."""


def evaluate(ground_truth: dict[str, Any], predictions: list[dict[str, Any]], engine: Engine = "hotcoco") -> Metrics:
    """COCO's twelve figures for boxes and for masks.

    Args:
        ground_truth: COCO dict of the classes and images that count; see :func:`restrict_ground_truth`.
        predictions: COCO results: image_id, category_id, bbox (x, y, width, height), segmentation, score. Any
            number, none included; COCO counts the 100 best of a class in an image.
        engine: hotcoco, or pycocotools for the same figures more slowly.

    Returns:
        Figures as fractions. Those of masks are all -1.0 where the ground truth has boxes only.

    Raises:
        InputError: a prediction lacks a key or is of an image or class outside the ground truth, class names
            repeat, or only a part of the ground truth has masks.
    """
    _check(ground_truth, predictions, engine)
    # Accumulated figures come by ascending category id.
    names = [c["name"] for c in sorted(ground_truth["categories"], key=lambda category: category["id"])]
    metrics: Metrics = {"bbox": {}, "segm": {}, "per_class": {name: {} for name in names}}

    precision, recall = precision_and_recall(ground_truth, predictions, "bbox", engine)
    metrics["bbox"] = _figures(precision, recall)
    for index, name in enumerate(names):
        metrics["per_class"][name]["bbox"] = _class_figures(precision, recall, index)

    if _has_masks(ground_truth):
        precision, recall = precision_and_recall(ground_truth, predictions, "segm", engine)
    else:
        precision, recall = np.full_like(precision, -1), np.full_like(recall, -1)
    metrics["segm"] = _figures(precision, recall)
    for index, name in enumerate(names):
        metrics["per_class"][name]["segm"] = _class_figures(precision, recall, index)
    return metrics


def restrict_ground_truth(
    dataset: CocoDataset, category_ids: Collection[int], image_ids: Collection[int]
) -> dict[str, Any]:
    """The COCO dict of some classes on some images, in the file's order.

    Crowds of these classes stay: they are the regions where COCO neither asks for a detection nor punishes
    one. So are objects that nobody can make out (`isimpossible`, VOC's difficult), which is what the published code
    makes of them. Masks are in COCO's own form, and evaluators can draw them; annotations without one have no
    ``segmentation`` key. Of an LVIS file, and where regions are
    measured, images and classes say what that evaluation asks for.

    Raises:
        InputError: a mask cannot be read. Evaluators do not look: they draw something else, or crash.
    """
    wanted_categories, wanted_images = set(category_ids), set(image_ids)
    chosen = [a for a in dataset.annotations if a.category_id in wanted_categories and a.image_id in wanted_images]
    masks = read_masks(chosen, dataset.images)
    annotations = []
    for index, annotation in enumerate(chosen):
        if index in masks.faults and index not in masks.empty:
            raise InputError(f"{dataset.path}: annotation {annotation.id} cannot be evaluated: {masks.faults[index]}")
        entry = {
            "id": annotation.id,
            "image_id": annotation.image_id,
            "category_id": annotation.category_id,
            "bbox": list(annotation.bbox),
            "area": annotation.area,
            "iscrowd": int(annotation.iscrowd or annotation.isimpossible),
        }
        if annotation.segmentation is not None:
            image = dataset.images[annotation.image_id]
            nothing = {"size": [image.height, image.width], "counts": [image.height * image.width]}
            entry["segmentation"] = masks.segmentations[index] or nothing
        annotations.append(entry)
    truth: dict[str, Any] = {
        "images": [
            {"id": image.id, "file_name": image.file_name, "height": image.height, "width": image.width}
            for image in dataset.images.values()
            if image.id in wanted_images
        ],
        "categories": [{"id": i, "name": n} for i, n in dataset.categories.items() if i in wanted_categories],
        "annotations": annotations,
    }
    if dataset.federated is not None:
        _add_federated(truth, dataset.federated, wanted_categories)
    if dataset.semantic is not None:
        named = dataset.semantic.scored_as
        for category in truth["categories"]:
            category["scored_as"] = named.get(category["id"], category["name"])
        truth |= {"masks": dataset.semantic.masks, "one_way": dataset.semantic.one_way}
    return truth


def _add_federated(truth: dict[str, Any], federated: Federated, category_ids: Collection[int]) -> None:
    """What LVIS' evaluation asks for, of the classes that count."""
    for category in truth["categories"]:
        category["frequency"] = federated.frequency[category["id"]]
    lists = {"neg_category_ids": federated.negative, "not_exhaustive_category_ids": federated.not_exhaustive}
    for image in truth["images"]:
        for key, of_images in lists.items():
            image[key] = [one for one in of_images[image["id"]] if one in category_ids]


def _mean(values: NDArray[np.float64]) -> float:
    """Mean over what has ground truth, -1.0 if nothing has."""
    present = values[values > -1]
    return float(present.mean()) if present.size else -1.0


def _figures(precision: NDArray[np.float64], recall: NDArray[np.float64]) -> Figures:
    """The twelve figures from precision [T, R, K, A, M] and recall [T, K, A, M]."""
    return {
        "AP": _mean(precision[..., 0, 2]),
        "AP50": _mean(precision[0, ..., 0, 2]),
        "AP75": _mean(precision[5, ..., 0, 2]),
        "APs": _mean(precision[..., 1, 2]),
        "APm": _mean(precision[..., 2, 2]),
        "APl": _mean(precision[..., 3, 2]),
        "AR1": _mean(recall[..., 0, 0]),
        "AR10": _mean(recall[..., 0, 1]),
        "AR100": _mean(recall[..., 0, 2]),
        "ARs": _mean(recall[..., 1, 2]),
        "ARm": _mean(recall[..., 2, 2]),
        "ARl": _mean(recall[..., 3, 2]),
    }


def _class_figures(precision: NDArray[np.float64], recall: NDArray[np.float64], index: int) -> Figures:
    one = slice(index, index + 1)
    figures = _figures(precision[:, :, one], recall[:, one])
    return {key: figures[key] for key in ("AP", "AP50", "AP75", "APs", "APm", "APl", "AR100")}


def _has_masks(ground_truth: dict[str, Any]) -> bool:
    annotations = ground_truth["annotations"]
    without = [annotation["id"] for annotation in annotations if not annotation.get("segmentation")]
    if without and len(without) < len(annotations):
        raise InputError(
            f"{len(without)} of {len(annotations)} ground truth objects have a box but no mask, the first is "
            f"annotation {without[0]}: give all of them masks, or none to evaluate boxes only."
        )
    return not without


def _check(ground_truth: dict[str, Any], predictions: list[dict[str, Any]], engine: Engine) -> None:
    repeated = [n for n, count in Counter(c["name"] for c in ground_truth["categories"]).items() if count > 1]
    if repeated:
        raise InputError(f"The ground truth has several classes named {repeated[0]!r}: give each its own name.")
    known = {
        "image_id": {image["id"] for image in ground_truth["images"]},
        "category_id": {category["id"] for category in ground_truth["categories"]},
    }
    sizes = {image["id"]: _size(image) for image in ground_truth["images"]}
    for index, prediction in enumerate(predictions):
        missing = {"image_id", "category_id", "bbox", "segmentation", "score"} - prediction.keys()
        if missing:
            raise InputError(
                f"Prediction {index} has no {' and no '.join(sorted(missing))}: COCO results need image_id, "
                "category_id, bbox, segmentation and score."
            )
        for key, ids in known.items():
            if type(prediction[key]) is not int or prediction[key] not in ids:
                raise InputError(
                    f"Prediction {index} has {key} {prediction[key]}, which the ground truth does not: "
                    "evaluate predictions on the annotation file, images and classes they were made for."
                )
    index = 0
    with parsing(lambda reason: _unusable(index, reason)):
        for index, prediction in enumerate(predictions):  # noqa: B007  # the refusal names it
            _check_values(prediction, sizes[prediction["image_id"]], deep=engine == "pycocotools")


def _size(image: dict[str, Any]) -> list[int] | None:
    return [image["height"], image["width"]] if "height" in image else None


def _unusable(index: int, reason: str) -> InputError:
    return InputError(
        f"Prediction {index} cannot be evaluated ({reason}): give COCO results with boxes, RLEs and scores."
    )


def _check_values(prediction: dict[str, Any], size: list[int] | None, deep: bool) -> None:
    """Raises ValueError, TypeError or KeyError where evaluators would stumble. `deep`: pycocotools trusts any RLE."""
    x, y, width, height = map(float, prediction["bbox"])
    if not math.isfinite(x + y + width + height + float(prediction["score"])):
        raise ValueError("a number of its box or score is not finite")
    segmentation = prediction["segmentation"]
    if not isinstance(segmentation, dict) or not isinstance(segmentation["counts"], str | bytes | list):
        raise TypeError("its segmentation is no RLE")
    rows, columns = segmentation["size"]
    if size is not None and [rows, columns] != size:
        raise ValueError(f"its RLE is of size {[rows, columns]}, its image of {size}")
    if deep:
        run_lengths(segmentation, rows, columns)
