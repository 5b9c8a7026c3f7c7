"""AP of each setting over seeds, and how much it differs from the baseline's on the same images."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import hotcoco
import numpy as np

from ntt.ablation.many import Found, Matcher

Task = Literal["bbox", "segm"]
TASKS: tuple[Task, ...] = ("bbox", "segm")


@dataclass(frozen=True)
class Figure:
    """One setting's AP in percent.

    Attributes:
        seeds: AP of each seed.
        difference: mean over seeds minus the baseline's; None for the baseline itself.
        low, high: of the difference, the bootstrap's interval over images.
    """

    seeds: list[float]
    difference: float | None = None
    low: float | None = None
    high: float | None = None

    @property
    def mean(self) -> float:
        """Over the seeds."""
        return statistics.mean(self.seeds)

    @property
    def std(self) -> float | None:
        """Sample deviation over the seeds; None of a single one."""
        return statistics.stdev(self.seeds) if len(self.seeds) > 1 else None

    @property
    def clear(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


def measure(
    truth: Mapping[str, Any],
    found: Sequence[Found],
    matchers: Sequence[Sequence[Matcher]],
    category_ids: Sequence[int],
    resamples: int,
    confidence: float = 0.95,
) -> list[dict[Task, Figure]]:
    """The figures of settings, the first of which is the baseline.

    Every seed's classes become classes of their own, so that the evaluator's mean over classes is the mean over seeds,
    and its bootstrap draws images once for all seeds and for both settings: the intervals are paired, and say how far a
    difference hangs on which images were taken.

    Args:
        truth: COCO dict of the run's classes and images.
        found: what all matchers said of each image, in the order of ``matchers`` flattened.
        matchers: of each setting one per seed.
        category_ids: of the classes, in the order of the prototypes.
        resamples: draws of the bootstrap; 0: no interval.
        confidence: share of the draws within the interval.
    """
    per_setting, seeds = len(matchers[0]), range(len(matchers[0]))
    step = max(category_ids) + 1
    images = {image["id"]: number for number, image in enumerate(truth["images"], start=1)}
    several = _of_all_seeds(truth, images, per_setting, step)
    base: dict[Task, Any] = {}
    rows: list[dict[Task, Figure]] = []
    classes = len(several["categories"]) // per_setting
    for setting, some in enumerate(matchers):
        predictions = []
        for one in found:
            for seed in seeds:
                shapes = one.shapes[some[seed].cleaning]
                for proposal, label, score in zip(*one.detections[setting * per_setting + seed], strict=True):
                    mask, box = shapes[proposal]
                    predictions.append(
                        {
                            "image_id": images[one.image_id],
                            "category_id": seed * step + category_ids[label] + 1,
                            "bbox": box,
                            "segmentation": mask,
                            "score": score,
                        }
                    )
        row: dict[Task, Figure] = {}
        for task in TASKS:
            coco = hotcoco.COCO(several)
            evaluation = hotcoco.COCOeval(coco, coco.loadRes(predictions), task)
            evaluation.evaluate()
            evaluation.accumulate()
            accumulated: Any = evaluation.eval
            precision = np.asarray(accumulated["precision"])[:, :, :, 0, 2]
            aps = [_mean(precision[:, :, seed * classes : (seed + 1) * classes]) for seed in seeds]
            base.setdefault(task, evaluation)
            row[task] = Figure(aps) if not setting else _compared(aps, base[task], evaluation, resamples, confidence)
        rows.append(row)
    return rows


def _compared(aps: list[float], base: Any, evaluation: Any, resamples: int, confidence: float) -> Figure:
    result = hotcoco.compare(base, evaluation, n_bootstrap=resamples, seed=0, confidence=confidence)
    difference = 100 * result["deltas"]["AP"]
    if not resamples:
        return Figure(aps, difference)
    interval = result["ci"]["AP"]
    return Figure(aps, difference, 100 * interval["lower"], 100 * interval["upper"])


def _of_all_seeds(truth: Mapping[str, Any], images: Mapping[int, int], seeds: int, step: int) -> dict[str, Any]:
    """The ground truth with the classes of each seed as classes of their own; ids from 1, as evaluators want them."""
    categories = sorted(truth["categories"], key=lambda one: one["id"])
    annotations = [
        {**one, "image_id": images[one["image_id"]], "category_id": seed * step + one["category_id"] + 1}
        for seed in range(seeds)
        for one in truth["annotations"]
    ]
    return {
        "images": [{**one, "id": images[one["id"]]} for one in truth["images"]],
        "categories": [
            {"id": seed * step + one["id"] + 1, "name": f"{one['name']} {seed}"}
            for seed in range(seeds)
            for one in categories
        ],
        "annotations": [{**one, "id": number} for number, one in enumerate(annotations, start=1)],
    }


def _mean(precision: Any) -> float:
    present = precision[precision > -1]
    return 100 * float(present.mean()) if present.size else -100.0
