"""LVIS' evaluation: federated AP, by how rare a class is, of the 300 best detections of an image."""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ntt.errors import InputError, require
from ntt.evaluation.settings import Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST = 300
"""Detections of an image that count, over all classes."""
_OF_IMAGES = ("neg_category_ids", "not_exhaustive_category_ids")
Figures = dict[str, float]


@dataclass(frozen=True)
class Lvis(Protocol):
    """LVIS' figures: a detection counts only where its class was looked for."""

    most: int = MOST
    """Detections of an image that count, over all classes."""

    def __post_init__(self) -> None:
        require(self.most > 0, "evaluation.most", self.most, "a number of detections above 0")

    def evaluate(self, ground_truth: dict[str, Any], predictions: list[dict[str, Any]]) -> dict[str, Any]:
        """See the class; the figures are those of :func:`evaluate_lvis`, of masks where the ground truth has some."""
        names = [c["name"] for c in sorted(ground_truth["categories"], key=lambda category: category["id"])]
        metrics: dict[str, Any] = {"per_class": {name: {} for name in names}}
        masked = all(annotation.get("segmentation") for annotation in ground_truth["annotations"])
        for task in ("bbox", "segm") if masked else ("bbox",):
            metrics[task], of_classes = _evaluated(ground_truth, predictions, task, self.most)
            for name, figures in zip(names, of_classes, strict=True):
                metrics["per_class"][name][task] = figures
        return metrics


def evaluate_lvis(ground_truth: dict[str, Any], predictions: list[dict[str, Any]], task: str = "bbox") -> Figures:
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
    return _evaluated(ground_truth, predictions, task, MOST)[0]


def _evaluated(
    ground_truth: dict[str, Any], predictions: list[dict[str, Any]], task: str, most: int
) -> tuple[Figures, list[Figures]]:
    """The figures, and those of each class by ascending id."""
    import hotcoco
    import numpy as np

    _check(ground_truth, predictions)
    truth = hotcoco.LVIS(ground_truth)
    evaluation = hotcoco.LVISEval(truth, hotcoco.LVISResults(truth, predictions, most), task)
    evaluation.evaluate()
    evaluation.accumulate()
    # It prints its summary while making the figures.
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation.summarize()
    accumulated: Any = evaluation.eval
    precision = np.asarray(accumulated["precision"])[..., 0, 0]  # [IoU, recall, class], of all sizes
    of_classes = [_of_class(precision[..., index]) for index in range(precision.shape[2])]
    return {key: float(value) for key, value in evaluation.get_results().items()}, of_classes


def _of_class(precision: NDArray[np.float64]) -> Figures:
    """AP, AP50 and AP75 from precision [IoU, recall]; -1 where the class has no object."""
    return {key: float(p[p > -1].mean()) if (p > -1).any() else -1.0 for key, p in (
        ("AP", precision), ("AP50", precision[0]), ("AP75", precision[5])
    )}  # fmt: skip


def _check(ground_truth: dict[str, Any], predictions: list[dict[str, Any]]) -> None:
    for key in ("categories", "images", "annotations"):
        if not isinstance(ground_truth.get(key), list):
            raise InputError(f"It has no list {key}, so it is no LVIS file.")
    for category in ground_truth["categories"]:
        if category.get("frequency") not in ("r", "c", "f"):
            raise InputError(
                f"Class {category['id']} has no frequency r, c or f, so this is no LVIS file: give lvis_v1_val.json or "
                "lvis_v1_minival.json, or evaluate as COCO does (evaluation=coco)."
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
