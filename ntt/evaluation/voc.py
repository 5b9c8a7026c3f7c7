"""PASCAL VOC 2007's average precision of boxes: the best detection of an object counts, 11 points of recall.

The rule of VOC's own development kit. For a class, all detections by falling score: each looks at the object of its
image that it overlaps most, found already or not. From IoU 0.5 on it is a hit if nobody found that object before, a
false alarm if somebody did, and neither if the object is difficult; below that it is a false alarm. AP is the mean over
the recalls 0, 0.1, ..., 1 of the highest precision at that recall or more. COCO differs: it passes over an object that
is found already for the next best, takes 101 recalls, and looks at 100 detections of a class in an image.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ntt.evaluation.settings import Coco

AP50VOC = "AP50voc"
_IOU = 0.5
_POINTS = np.arange(11) / 10
_ROUNDING = 1e-9  # a recall of 3 of 10 is 0.3


@dataclass(frozen=True)
class Voc(Coco):
    """COCO's figures, and boxes' AP50 by VOC's rule beside them."""

    def evaluate(self, ground_truth: dict[str, Any], predictions: list[dict[str, Any]]) -> dict[str, Any]:
        """See the class."""
        metrics = super().evaluate(ground_truth, predictions)
        add_voc_figures(metrics, ground_truth, predictions)
        return metrics


def add_voc_figures(
    metrics: dict[str, Any], ground_truth: Mapping[str, Any], predictions: Sequence[Mapping[str, Any]]
) -> None:
    """Put ``AP50voc`` beside the other figures of boxes, over all classes and for each; -1.0 without ground truth.

    Args:
        metrics: of :func:`ntt.evaluation.coco.evaluate`.
        ground_truth: COCO dict; what has ``iscrowd`` is difficult.
        predictions: COCO results.
    """
    by_class = voc_ap50(ground_truth, predictions)
    names = {category["id"]: category["name"] for category in ground_truth["categories"]}
    for identity, precision in by_class.items():
        metrics["per_class"][names[identity]]["bbox"][AP50VOC] = precision
    known = [precision for precision in by_class.values() if precision >= 0]
    metrics["bbox"][AP50VOC] = float(np.mean(known)) if known else -1.0


def voc_ap50(ground_truth: Mapping[str, Any], predictions: Sequence[Mapping[str, Any]]) -> dict[int, float]:
    """AP of each class by its category id, -1.0 for one without an object that is not difficult."""
    objects: dict[tuple[int, int], list[Mapping[str, Any]]] = defaultdict(list)
    for entry in ground_truth["annotations"]:
        objects[entry["category_id"], entry["image_id"]].append(entry)
    detections: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
    for prediction in predictions:
        detections[prediction["category_id"]].append(prediction)
    found = {}
    for category in ground_truth["categories"]:
        identity = category["id"]
        own = {image: entries for (owner, image), entries in objects.items() if owner == identity}
        positives = sum(not entry["iscrowd"] for entries in own.values() for entry in entries)
        found[identity] = _average_precision(_verdicts(own, detections[identity]), positives)
    return found


def _verdicts(
    objects: Mapping[int, list[Mapping[str, Any]]], detections: Sequence[Mapping[str, Any]]
) -> NDArray[np.bool_]:
    """Of the detections that count, by falling score: whether each is a hit; of equal scores in their order."""
    boxes = {image: _corners(entries) for image, entries in objects.items()}
    taken = {image: np.zeros(len(entries), bool) for image, entries in objects.items()}
    verdicts = []
    for detection in sorted(detections, key=lambda detection: -detection["score"]):
        image = detection["image_id"]
        if image not in objects:
            verdicts.append(False)
            continue
        overlaps = _ious(boxes[image], _corners([detection])[0])
        best = int(overlaps.argmax())
        if overlaps[best] < _IOU:
            verdicts.append(False)
        elif not objects[image][best]["iscrowd"]:
            verdicts.append(not taken[image][best])
            taken[image][best] = True
    return np.array(verdicts, bool)


def _average_precision(hits: NDArray[np.bool_], positives: int) -> float:
    if not positives:
        return -1.0
    if not len(hits):
        return 0.0
    true = hits.cumsum()
    recall, precision = true / positives, true / np.arange(1, len(hits) + 1)
    reached = [precision[recall >= point - _ROUNDING] for point in _POINTS]
    return float(np.mean([some.max() if len(some) else 0.0 for some in reached]))


def _corners(entries: Sequence[Mapping[str, Any]]) -> NDArray[np.float64]:
    """[N, 4]: x1, y1, x2, y2, right and bottom exclusive."""
    boxes = np.array([entry["bbox"] for entry in entries], np.float64).reshape(-1, 4)
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)


def _ious(boxes: NDArray[np.float64], box: NDArray[np.float64]) -> NDArray[np.float64]:
    sides = np.minimum(boxes[:, 2:], box[2:]) - np.maximum(boxes[:, :2], box[:2])
    shared = sides.clip(0).prod(axis=1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1) + (box[2:] - box[:2]).prod()
    return np.asarray(shared / np.maximum(areas - shared, 1e-12))
