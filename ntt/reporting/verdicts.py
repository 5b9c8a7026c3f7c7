"""Which detections of an image are hits and which false alarms, and which of its objects were missed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from pycocotools import mask as coco_mask

Box = tuple[float, float, float, float]
Verdict = Literal["hit", "false alarm", "missed"]
_HIT_IOU = 0.5  # as in AP50


@dataclass(frozen=True, eq=False)
class Instance:
    """One object to draw.

    Attributes:
        mask: uint8 [H, W], 0 outside, at the image's size; None draws only the box.
        box: x1, y1, x2, y2 in pixels of the image, inclusive.
        label: class name.
        score: None for ground truth.
        verdict: what became of it; None where nothing is known.
    """

    mask: np.ndarray | None
    box: Box
    label: str
    score: float | None = None
    verdict: Verdict | None = None


def judged(truth: Sequence[Instance], predictions: Sequence[Instance]) -> tuple[list[Instance], list[Instance]]:
    """Both with their verdicts, in the order given.

    As COCO does at an IoU of 0.5: the best detection first, each takes the object of its class that it overlaps most
    and that no better one took. IoU is of masks where both have one, else of boxes.
    """
    found = [False] * len(truth)
    verdicts: list[Verdict] = ["false alarm"] * len(predictions)
    ious = overlaps(truth, predictions)  # [T, P]
    for place in sorted(range(len(predictions)), key=lambda i: -(predictions[i].score or 0.0)):
        open_ones = [
            t for t, one in enumerate(truth) if not found[t] and one.label == predictions[place].label
        ]  # fmt: skip
        best = max(open_ones, key=lambda t: ious[t, place], default=None)
        if best is not None and ious[best, place] >= _HIT_IOU:
            found[best] = True
            verdicts[place] = "hit"
    judged_truth = [
        replace(one, verdict="hit" if hit else "missed") for one, hit in zip(truth, found, strict=True)
    ]  # fmt: skip
    return judged_truth, [replace(one, verdict=verdict) for one, verdict in zip(predictions, verdicts, strict=True)]


def overlaps(truth: Sequence[Instance], predictions: Sequence[Instance]) -> np.ndarray:
    """float64 [T, P], IoU of each object with each detection."""
    if not truth or not predictions:
        return np.zeros((len(truth), len(predictions)))
    every = [*truth, *predictions]
    if all(one.mask is not None for one in every):
        regions = [coco_mask.encode(np.asfortranarray(one.mask, dtype=np.uint8)) for one in every]
    else:
        regions = [[x1, y1, x2 - x1 + 1, y2 - y1 + 1] for x1, y1, x2, y2 in (one.box for one in every)]
    ours, theirs = regions[len(truth) :], regions[: len(truth)]
    return np.asarray(coco_mask.iou(ours, theirs, [0] * len(theirs))).T
