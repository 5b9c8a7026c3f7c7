"""Semantic segmentation of the instances found: mean IoU of the classes' regions (docs/protocols.md)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ntt.errors import require
from ntt.evaluation.settings import Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

THRESHOLDS = tuple(step / 20 for step in range(1, 20))
"""Those that every run is measured at besides its own: 0.05 to 0.95."""
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Semantic(Protocol):
    """Instances joined into one region for each class, and their mean IoU.

    A pixel is of the class of the best scored detection that covers it, if that scores no less than the threshold, else
    background, which is a label of its own. Every class of the run counts, each by the pixels of all images together.
    """

    threshold: float = 0.5
    """Detections scoring less paint nothing."""

    def __post_init__(self) -> None:
        require(0 <= self.threshold <= 1, "evaluation.threshold", self.threshold, "a score from 0 to 1")

    def evaluate(self, ground_truth: dict[str, Any], predictions: Rows) -> dict[str, Any]:
        """See the class. Figures: ``mIoU`` of the classes with ground truth, and ``FBIoU`` of what is any or none."""
        from hotcoco.semantic import SemanticEval

        classes = _class_numbers(ground_truth["categories"])
        steps = sorted({*THRESHOLDS, self.threshold})
        counted = [SemanticEval(1 + len(classes), ignore_index=None) for _ in steps]
        for truth, labels, scores in _maps(ground_truth, predictions, classes):
            for step, evaluation in zip(steps, counted, strict=True):
                evaluation.update(truth, labels * (scores >= step))
        confusions = {step: _matrix(one) for step, one in zip(steps, counted, strict=True)}
        figures, of_classes = figures_of(confusions[self.threshold])
        return {
            "segm": figures,
            "per_class": {name: {"segm": {"IoU": of_classes[number - 1]}} for name, number in classes.items()},
            "semantic": {
                "masks": ground_truth.get("masks", "instances"),
                "protocol": "1-way" if ground_truth.get("one_way") else f"{len(classes)}-way",
                "threshold": self.threshold,
                "mIoU by threshold": {f"{step:g}": figures_of(one)[0]["mIoU"] for step, one in confusions.items()},
            },
        }


def figures_of(confusion: NDArray[np.int64]) -> tuple[dict[str, float], list[float]]:
    """Mean IoU, and that of foreground and background; IoU of each class.

    Args:
        confusion: [1 + C, 1 + C] pixels by true and by predicted label; label 0 is the background.

    Returns:
        Fractions, -1.0 where there is no ground truth: such a class takes no part in the mean.
    """
    import numpy as np

    shared, true, found = np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
    of_classes = [
        float(shared[c] / (true[c] + found[c] - shared[c])) if true[c] else -1.0 for c in range(1, len(confusion))
    ]
    present = [value for value in of_classes if value >= 0]
    nothing = shared[0] / max(1, true[0] + found[0] - shared[0])
    something = confusion[1:, 1:].sum() / max(1, confusion.sum() - shared[0])
    return {
        "mIoU": sum(present) / len(present) if present else -1.0,
        "FBIoU": float(nothing + something) / 2 if present else -1.0,
    }, of_classes


def _class_numbers(categories: Rows) -> dict[str, int]:
    """Class -> its label; 0 is the background's."""
    named = dict.fromkeys(str(category.get("scored_as", category["name"])) for category in categories)
    return {name: number for number, name in enumerate(named, start=1)}


def _matrix(evaluation: Any) -> NDArray[np.int64]:
    import numpy as np

    return np.asarray(evaluation.confusion()).astype(np.int64)


def _maps(
    ground_truth: dict[str, Any], predictions: Rows, classes: dict[str, int]
) -> Iterator[tuple[NDArray[np.uint16], NDArray[np.uint16], NDArray[np.float64]]]:
    """True labels, labels found and their scores, [H, W] each: of every image, or of every episode."""
    import numpy as np

    labels = {one["id"]: classes[one.get("scored_as", one["name"])] for one in ground_truth["categories"]}
    one_way = bool(ground_truth.get("one_way"))
    truths, found = _grouped(ground_truth["annotations"], one_way), _grouped(predictions, one_way)
    sizes = {image["id"]: (image["height"], image["width"]) for image in ground_truth["images"]}
    for key in truths if one_way else ((identity, 0) for identity in sizes):
        truth = np.zeros(sizes[key[0]], dtype=np.uint16)
        # Where objects of two classes share pixels the smaller one is seen.
        for one in sorted(truths.get(key, []), key=lambda one: -float(one["area"])):
            truth[_mask(one, sizes[key[0]])] = labels[one["category_id"]]
        painted, scores = np.zeros_like(truth), np.zeros(truth.shape)
        for one in sorted(found.get(key, []), key=lambda one: float(one["score"])):  # the best one last, on top
            mask = _mask(one, sizes[key[0]])
            painted[mask], scores[mask] = labels[one["category_id"]], one["score"]
        yield truth, painted, scores


def _grouped(entries: Iterable[dict[str, Any]], one_way: bool) -> dict[tuple[int, int], Rows]:
    """By image, and by category where each is looked for by itself."""
    groups: dict[tuple[int, int], Rows] = defaultdict(list)
    for entry in entries:
        groups[entry["image_id"], entry["category_id"] if one_way else 0].append(entry)
    return groups


def _mask(entry: dict[str, Any], size: tuple[int, int]) -> NDArray[np.bool_]:
    import numpy as np
    from pycocotools import mask as coco_mask

    segmentation: Any = entry.get("segmentation")
    if not segmentation:
        return np.zeros(size, dtype=bool)
    if isinstance(segmentation, list):
        segmentation = coco_mask.merge(coco_mask.frPyObjects(segmentation, *size))
    elif isinstance(segmentation["counts"], list):
        segmentation = coco_mask.frPyObjects(segmentation, *size)
    return np.asarray(coco_mask.decode(segmentation)).astype(bool)
