"""VOC's 11 points: worked examples, and random scenes against a computation object by object."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from voc_by_hand import eleven_points, from_one

from ntt.evaluation.voc import add_voc_figures, voc_ap50

CATEGORIES = [{"id": 3, "name": "bird"}, {"id": 9, "name": "sofa"}]


def truth(*objects: tuple[int, int, list[float], bool]) -> dict[str, Any]:
    """Of (image, category, box, difficult)."""
    entries = [
        {"id": i, "image_id": image, "category_id": category, "bbox": box, "iscrowd": int(difficult)}
        for i, (image, category, box, difficult) in enumerate(objects)
    ]
    images = [{"id": image} for image in sorted({entry["image_id"] for entry in entries})]
    return {"images": images, "categories": CATEGORIES, "annotations": entries}


def found(image: int, category: int, box: list[float], score: float) -> dict[str, Any]:
    return {"image_id": image, "category_id": category, "bbox": box, "score": score}


HERE, THERE, ELSEWHERE = [0.0, 0.0, 10.0, 10.0], [20.0, 0.0, 10.0, 10.0], [50.0, 50.0, 10.0, 10.0]


@pytest.mark.parametrize(
    ("objects", "detections", "expected"),
    [
        ([(1, 3, HERE, False)], [found(1, 3, HERE, 0.9)], 1.0),
        ([(1, 3, HERE, False)], [], 0.0),
        ([(1, 3, HERE, True)], [found(1, 3, HERE, 0.9)], -1.0),  # nothing to find
        ([(1, 3, HERE, False)], [found(1, 3, ELSEWHERE, 0.9), found(1, 3, HERE, 0.8)], 0.5),
        # Difficult: no false alarm, however often it is found.
        (
            [(1, 3, HERE, False), (1, 3, THERE, True)],
            [found(1, 3, THERE, 0.9), found(1, 3, THERE, 0.8), found(1, 3, HERE, 0.7)],
            1.0,
        ),
        # One of two found: precision 1 at the recalls 0, 0.1, ..., 0.5.
        ([(1, 3, HERE, False), (1, 3, THERE, False)], [found(1, 3, HERE, 0.9)], 6 / 11),
        # The same object twice: the second is a false alarm.
        ([(1, 3, HERE, False), (2, 3, HERE, False)], [found(1, 3, HERE, s) for s in (0.9, 0.8)], 6 / 11),
        # IoU 0.5 is enough, less is not.
        ([(1, 3, HERE, False)], [found(1, 3, [0.0, 0.0, 10.0, 5.0], 0.9)], 1.0),
        ([(1, 3, HERE, False)], [found(1, 3, [0.0, 0.0, 10.0, 4.9], 0.9)], 0.0),
        # In another image, or of another class, it is a false alarm.
        ([(1, 3, HERE, False)], [found(2, 3, HERE, 0.9), found(1, 9, HERE, 0.9)], 0.0),
    ],
)
def test_worked_examples(objects: list[Any], detections: list[Any], expected: float) -> None:
    assert voc_ap50(truth(*objects), detections)[3] == pytest.approx(expected)


def test_the_mean_is_over_classes_with_something_to_find() -> None:
    metrics: dict[str, Any] = {"bbox": {}, "per_class": {"bird": {"bbox": {}}, "sofa": {"bbox": {}}}}
    add_voc_figures(metrics, truth((1, 3, HERE, False), (1, 9, THERE, True)), [found(1, 3, HERE, 0.5)])
    assert metrics["bbox"] == {"AP50voc": 1.0}
    assert metrics["per_class"]["sofa"]["bbox"] == {"AP50voc": -1.0}


@pytest.mark.parametrize("seed", range(20))
def test_random_scenes_are_measured_as_by_hand(seed: int) -> None:
    rng = np.random.default_rng(seed)

    def box() -> list[float]:
        return [*rng.integers(0, 30, 2).astype(float).tolist(), *rng.integers(5, 25, 2).astype(float).tolist()]

    objects = [(int(rng.integers(1, 6)), 3, box(), bool(rng.random() < 0.3)) for _ in range(15)]
    scores = rng.permutation(40) / 40
    detections = []
    for score in scores:
        image, _, near, _ = objects[int(rng.integers(len(objects)))]
        moved = [near[0] + float(rng.integers(-3, 4)), near[1] + float(rng.integers(-3, 4)), near[2], near[3]]
        detections.append(found(image, 3, moved if rng.random() < 0.7 else box(), float(score)))
    by_image = {
        str(image): [("bird", from_one(near), hard) for owner, _, near, hard in objects if owner == image]
        for image in range(1, 6)
    }
    told = [(d["score"], str(d["image_id"]), from_one(d["bbox"])) for d in detections]
    assert voc_ap50(truth(*objects), detections)[3] == pytest.approx(eleven_points("bird", told, by_image), abs=1e-12)
