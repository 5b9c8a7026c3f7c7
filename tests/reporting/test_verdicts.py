from __future__ import annotations

import numpy as np

from ntt.reporting.verdicts import Instance, judged, overlaps


def instance(x1: int, x2: int, label: str = "cat", score: float | None = None, mask: bool = True) -> Instance:
    """A bar of 10 rows from column x1 to x2, inclusive."""
    drawn = np.zeros((20, 60), dtype=np.uint8)
    drawn[5:15, x1 : x2 + 1] = 1
    return Instance(drawn if mask else None, (x1, 5, x2, 14), label, score)


def verdicts(truth: list[Instance], predictions: list[Instance]) -> tuple[list, list]:
    first, second = judged(truth, predictions)
    return [one.verdict for one in first], [one.verdict for one in second]


def test_of_two_detections_of_one_object_the_better_is_the_hit() -> None:
    found = verdicts([instance(0, 9)], [instance(0, 8, score=0.4), instance(0, 9, score=0.9)])

    assert found == (["hit"], ["false alarm", "hit"])


def test_another_class_or_too_little_overlap_is_a_false_alarm_and_a_miss() -> None:
    assert verdicts([instance(0, 9)], [instance(0, 9, "dog", 0.9)]) == (["missed"], ["false alarm"])
    assert verdicts([instance(0, 9)], [instance(5, 14, score=0.9)]) == (["missed"], ["false alarm"])
    assert verdicts([instance(0, 9)], [instance(3, 9, score=0.9)]) == (["hit"], ["hit"])  # 7 of 10


def test_a_taken_object_leaves_the_next_best_one() -> None:
    truth = [instance(0, 9), instance(4, 13)]
    found = verdicts(truth, [instance(2, 11, score=0.9), instance(2, 11, score=0.8)])

    assert found == (["hit", "hit"], ["hit", "hit"])


def test_boxes_stand_in_for_missing_masks() -> None:
    assert overlaps([instance(0, 9, mask=False)], [instance(5, 14, score=0.5)]).tolist() == [[5 / 15]]
    assert overlaps([], [instance(0, 9)]).shape == (0, 1)
