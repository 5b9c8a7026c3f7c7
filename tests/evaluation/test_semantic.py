"""Mean IoU against a confusion matrix that is counted pixel by pixel, and without the faults of the published code."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from ntt.evaluation.semantic import Semantic, figures_of

SIDE = 6


def rle(mask: NDArray[Any]) -> dict[str, Any]:
    encoded = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": [*mask.shape], "counts": encoded["counts"].decode()}


def entry(image: int, category: int, mask: NDArray[Any], score: float = 0.9) -> dict[str, Any]:
    described = {"image_id": image, "category_id": category, "segmentation": rle(mask)}
    return {**described, "area": float(mask.sum()), "score": score, "bbox": [0, 0, 1, 1]}


def truth_of(entries: list[dict[str, Any]], names: dict[int, str], images: int) -> dict[str, Any]:
    return {
        "images": [{"id": number, "height": SIDE, "width": SIDE} for number in range(images)],
        "categories": [{"id": number, "name": name} for number, name in names.items()],
        "annotations": entries,
    }


def counted(truth: dict[str, Any], predictions: list[dict[str, Any]], threshold: float) -> dict[int, float]:
    """IoU by category: for every pixel of every image, who has it in truth and by whom it is claimed."""
    shared: dict[int, int] = {}
    either: dict[int, int] = {}
    for image in truth["images"]:
        for y in range(SIDE):
            for x in range(SIDE):

                def holds(one: dict[str, Any], place: tuple[int, int] = (y, x), of: int = image["id"]) -> bool:
                    return one["image_id"] == of and bool(coco_mask.decode(one["segmentation"])[place])

                here = sorted(filter(holds, truth["annotations"]), key=lambda one: one["area"])
                claims = [one for one in predictions if holds(one) and one["score"] >= threshold]
                real = here[0]["category_id"] if here else None
                best = max(claims, key=lambda one: one["score"])["category_id"] if claims else None
                for category in {real, best} - {None}:
                    either[category] = either.get(category, 0) + 1
                    shared[category] = shared.get(category, 0) + (real == best)
    return {category: shared[category] / pixels for category, pixels in either.items()}


masks = st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(1, 4), st.integers(1, 4))


def drawn(box: tuple[int, int, int, int]) -> NDArray[Any]:
    mask = np.zeros((SIDE, SIDE), dtype=bool)
    mask[box[0] : box[0] + box[2], box[1] : box[1] + box[3]] = True
    return mask


@given(
    st.lists(st.tuples(st.integers(0, 1), st.sampled_from([1, 2, 90]), masks), min_size=1, max_size=4),
    st.lists(st.tuples(st.integers(0, 1), st.sampled_from([1, 2, 90]), masks), max_size=6),
    st.sampled_from([0.0, 0.35, 0.5, 0.8]),
)
def test_it_is_what_a_confusion_matrix_counts(real: list[Any], found: list[Any], threshold: float) -> None:
    objects = [entry(image, category, drawn(box)) for image, category, box in real]
    sizes = [one["area"] for one in objects]
    objects = [one for place, one in enumerate(objects) if one["area"] not in sizes[:place]]  # who is on top is clear
    truth = truth_of(objects, {1: "a", 2: "b", 90: "c"}, 2)
    predictions = [entry(i, c, drawn(box), score=0.1 + 0.13 * n) for n, (i, c, box) in enumerate(found)]
    expected = counted(truth, predictions, threshold)
    present = {one["category_id"] for one in objects if one["area"]}
    metrics = Semantic(threshold).evaluate(truth, predictions)
    visible = {c: metrics["per_class"][name]["segm"]["IoU"] for c, name in ((1, "a"), (2, "b"), (90, "c"))}
    for category in visible:
        if visible[category] >= 0:
            assert visible[category] == pytest.approx(expected[category])
    assert {category for category, value in visible.items() if value >= 0} <= present
    measured = [value for value in visible.values() if value >= 0]
    assert metrics["segm"]["mIoU"] == pytest.approx(sum(measured) / len(measured))


def test_none_of_the_four_faults() -> None:
    """All classes count, the first one is no background, better scores are on top, the threshold is a choice."""
    left, right = drawn((0, 0, 6, 3)), drawn((0, 3, 6, 3))
    names = {number: f"class {number}" for number in range(1, 81)}
    truth = truth_of([entry(0, 1, left), entry(0, 80, right)], names, 1)
    exact = [entry(0, 1, left), entry(0, 80, right)]
    metrics = Semantic().evaluate(truth, exact)
    assert metrics["segm"] == {"mIoU": 1.0, "FBIoU": 0.5}  # no pixel is background
    # The last of 80 classes is scored, and so is the first: nothing found there is no pixel of it.
    assert Semantic().evaluate(truth, exact[:1])["segm"]["mIoU"] == pytest.approx(0.5)
    assert Semantic().evaluate(truth, exact[1:])["segm"]["mIoU"] == pytest.approx(0.5)
    # A worse scored detection of another class over all of it changes nothing, in whatever order they come.
    over = entry(0, 80, drawn((0, 0, 6, 6)), score=0.6)
    for order in ([over, *exact], [*exact, over]):
        assert Semantic().evaluate(truth, order)["segm"]["mIoU"] == 1.0
    faint = [{**one, "score": 0.3} for one in exact]
    assert Semantic().evaluate(truth, faint)["segm"]["mIoU"] == 0.0
    low = Semantic(threshold=0.3).evaluate(truth, faint)
    assert low["segm"]["mIoU"] == 1.0
    assert low["semantic"]["mIoU by threshold"]["0.25"] == 1.0
    assert low["semantic"]["mIoU by threshold"]["0.35"] == 0.0


def test_episodes_sum_by_class_and_are_looked_at_one_by_one() -> None:
    """Two episodes share an image: what is found for one is no pixel of the other."""
    top, whole = drawn((0, 0, 3, 6)), drawn((0, 0, 6, 6))
    truth = truth_of([entry(0, 1, top), entry(0, 2, whole), entry(1, 3, whole)], {1: "e1", 2: "e2", 3: "e3"}, 2)
    for category, name in zip(truth["categories"], ("cat", "cat", "dog"), strict=True):
        category["scored_as"] = name
    truth |= {"one_way": True, "masks": "official"}
    found = [entry(0, 1, whole, 0.7), entry(0, 2, top, 0.9), entry(1, 3, whole)]
    metrics = Semantic().evaluate(truth, found)
    # cat: 18 of 36 pixels in one episode, 18 of 36 in the other.
    assert metrics["per_class"] == {"cat": {"segm": {"IoU": pytest.approx(0.5)}}, "dog": {"segm": {"IoU": 1.0}}}
    assert metrics["segm"]["mIoU"] == pytest.approx(0.75)
    assert metrics["semantic"] | {"mIoU by threshold": {}} == {
        "masks": "official",
        "protocol": "1-way",
        "threshold": 0.5,
        "mIoU by threshold": {},
    }


def test_without_ground_truth_there_is_nothing_to_measure() -> None:
    assert figures_of(np.zeros((3, 3), dtype=np.int64)) == ({"mIoU": -1.0, "FBIoU": -1.0}, [-1.0, -1.0])
