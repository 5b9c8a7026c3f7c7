"""The catalogue of bad annotations: what is said of each as reference and as truth, and that no other is lost."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from cases.scene import HEIGHT, WIDTH, opened, spoil

from ntt.errors import InputError

PIXELS = HEIGHT * WIDTH
NONE: dict[str, Any] = {"segmentation": None}

# What is wrong -> keys of one annotation, and words of its reason.
UNUSABLE: dict[str, tuple[dict[str, Any], str]] = {
    "nothing drawn": ({"bbox": [], "segmentation": []}, "its bbox [] is not four finite numbers"),
    "no box and no mask": ({"bbox": None, "segmentation": None}, "it has no bbox"),
    "a rotated box": ({**NONE, "bbox": [9, 9, 20, 20, 0.5]}, "its bbox [9, 9, 20, 20, 0.5] is not four"),
    "a box of texts": ({**NONE, "bbox": ["a", 1, 2, 3]}, 'its bbox ["a", 1, 2, 3] is not four'),
    "a box with NaN": ({**NONE, "bbox": [1, 2, math.nan, 4]}, "is not four finite numbers"),
    "a box of width 0": ({**NONE, "bbox": [9, 9, 0, 20]}, "no positive width and height"),
    "a box of negative height": ({**NONE, "bbox": [9, 40, 20, -20]}, "no positive width and height"),
    "a box outside": ({**NONE, "bbox": [400, 9, 20, 20]}, "outside its 160x120 picture"),
    "an odd polygon": ({"segmentation": [[1, 2, 30, 2, 30]]}, "5 numbers, an odd count"),
    "a line": ({"segmentation": [[1, 2, 30, 2]]}, "no polygon of three points"),
    "an empty polygon": ({"segmentation": [[]]}, "no polygon"),
    "a polygon of one point": ({"segmentation": [[9, 9, 9, 9, 9, 9]]}, "cover no pixel"),
    "a polygon outside": ({"segmentation": [[400, 1, 440, 1, 440, 30]]}, "lie outside their 160x120 picture"),
    "a polygon with null": ({"segmentation": [[1, 1, None, 1, 30, 30]]}, "not a number"),
    "a polygon with a word": ({"segmentation": [[1, 1, "x", 1, 30, 30]]}, "number"),
    "a polygon out of reach": ({"segmentation": [[1, 1, 1e12, 1, 30, 30]]}, "beyond 100000 pixels"),
    "a file name for a mask": ({"segmentation": "mask.png"}, 'its segmentation "mask.png" is neither'),
    "a number for a mask": ({"segmentation": 7}, "its segmentation 7 is neither"),
    "runs too long": ({"segmentation": {"size": [120, 160], "counts": [PIXELS, 9]}}, "add up to 19209 pixels"),
    "runs too short": ({"segmentation": {"size": [120, 160], "counts": [9, 9]}}, "add up to 18 pixels"),
    "runs below zero": ({"segmentation": {"size": [120, 160], "counts": [PIXELS + 9, -9]}}, "not whole run lengths"),
    "runs of fractions": ({"segmentation": {"size": [120, 160], "counts": [0.5, PIXELS - 0.5]}}, "not whole run"),
    "no runs": ({"segmentation": {"size": [120, 160]}}, "has no counts"),
    "runs of background": ({"segmentation": {"size": [120, 160], "counts": [PIXELS]}}, "covers no pixel"),
    "runs of a turned picture": ({"segmentation": {"size": [160, 120], "counts": [0, PIXELS]}}, "sides are swapped"),
    "runs of another picture": ({"segmentation": {"size": [9, 9], "counts": [0, 81]}}, "its RLE size is [9, 9]"),
    "runs without a size": ({"segmentation": {"counts": [0, PIXELS]}}, "its RLE size is None"),
    "damaged compressed runs": ({"segmentation": {"size": [120, 160], "counts": "no mask"}}, "no compressed run"),
    "cut compressed runs": ({"segmentation": {"size": [120, 160], "counts": "P"}}, "middle of a run"),
    "a crowd mark of words": ({"iscrowd": "perhaps"}, 'its iscrowd "perhaps" is neither 0 nor 1'),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_a_bad_reference_is_left_out_and_said_and_the_others_stay(tmp_path: Path, name: str) -> None:
    keys, reason = UNUSABLE[name]
    spoil(tmp_path, references=lambda content: content["annotations"][0].update(keys))
    found = opened(tmp_path)
    assert found.references == [11, 12, 13]
    assert found.truth == [20, 21, 22, 23]
    assert "refs.json: 1 of 4 reference annotations cannot be used and are left out: annotation 10: " in found.told
    assert reason in found.told
    assert found.inputs.counts() == {"references": {"left_out": 1}}


@pytest.mark.parametrize("name", UNUSABLE)
def test_bad_ground_truth_stops_the_run_unless_it_is_skipped_alone(tmp_path: Path, name: str) -> None:
    keys, reason = UNUSABLE[name]
    spoil(tmp_path, targets=lambda content: content["annotations"][1].update(keys))
    with pytest.raises(InputError) as caught:
        opened(tmp_path)
    sentence = str(caught.value)
    assert "targets.json: 1 of 4 ground truth annotations cannot be used: annotation 21: " in sentence
    assert reason in sentence
    assert "dataset.invalid=skip" in sentence
    assert "\n" not in sentence
    skipped = opened(tmp_path, invalid="skip")
    assert skipped.truth == [20, 22, 23]
    assert skipped.references == [10, 11, 12, 13]
    assert skipped.inputs.counts() == {"truth": {"left_out": 1}}


# What is derived -> keys of one annotation whose mask is sound.
DERIVED: dict[str, tuple[dict[str, Any], str]] = {
    "no box": ({"bbox": None}, "boxes_from_masks"),
    "an empty box": ({"bbox": []}, "boxes_from_masks"),
    "a box of zeros": ({"bbox": [0, 0, 0, 0]}, "boxes_from_masks"),
    "a box of negative sides": ({"bbox": [60, 70, -40, -40]}, "boxes_from_masks"),
    "a box elsewhere": ({"bbox": [110, 70, 40, 40]}, "boxes_from_masks"),
    "a box in fractions": ({"bbox": [0.125, 0.25, 0.25, 0.33]}, "boxes_from_masks"),
    "a box of five numbers": ({"bbox": [20, 30, 40, 40, 0]}, "boxes_from_masks"),
    "no area": ({"area": None}, "areas_from_masks"),
    "an area that is no number": ({"area": math.nan}, "areas_from_masks"),
    "an area of 0": ({"area": 0}, "areas_from_masks"),
    "a negative area": ({"area": -5}, "areas_from_masks"),
    "an area of words": ({"area": "large"}, "areas_from_masks"),
}


@pytest.mark.parametrize("name", DERIVED)
def test_what_the_mask_tells_is_taken_from_it_said_and_counted(tmp_path: Path, name: str) -> None:
    keys, counted = DERIVED[name]
    change = lambda content: content["annotations"][0].update(keys)  # noqa: E731
    spoil(tmp_path, references=change, targets=change)
    found = opened(tmp_path)
    assert found.references == [10, 11, 12, 13]
    assert found.truth == [20, 21, 22, 23]
    assert found.inputs.counts() == {"references": {counted: 1}, "truth": {counted: 1}}
    for dataset in (found.inputs.references, found.inputs.targets):
        assert dataset.annotations[0].bbox == (20, 30, 40, 40)
        assert dataset.annotations[0].area == 1600
    if counted == "boxes_from_masks":
        assert "annotation 20: " in found.told
        assert "bbox" in found.told


READ = {
    "a flat polygon": [20, 30, 60, 30, 60, 70, 20, 70],
    "points": [[20, 30], [60, 30], [60, 70], [20, 70]],
    "points in a list": [[[20, 30], [60, 30], [60, 70], [20, 70]]],
    "named points": [{"x": 20, "y": 30}, {"x": 60, "y": 30}, {"x": 60, "y": 70}, {"x": 20, "y": 70}],
    "numbers as texts": [["20", "30", "60", "30", "60", "70", "20", "70"]],
    "one list too many": [[[20, 30, 60, 30, 60, 70, 20, 70]]],
    "a leftover point": [[20, 30, 60, 30, 60, 70, 20, 70], [5, 5]],
}


@pytest.mark.parametrize("name", READ)
def test_every_nesting_is_the_same_polygon(tmp_path: Path, name: str) -> None:
    change = lambda content: content["annotations"][0].update(segmentation=READ[name])  # noqa: E731
    spoil(tmp_path, references=change, targets=change)
    found = opened(tmp_path)
    assert found.told == ""
    for dataset in (found.inputs.references, found.inputs.targets):
        assert dataset.annotations[0].segmentation == [[20, 30, 60, 30, 60, 70, 20, 70]]


FORMS = {
    "corners": ("[x1, y1, x2, y2]", lambda x, y, w, h: [x, y, x + w, y + h]),
    "the centre": ("from the centre", lambda x, y, w, h: [x + w / 2, y + h / 2, w, h]),
    "fractions": ("fractions of the picture", lambda x, y, w, h: [x / WIDTH, y / HEIGHT, w / WIDTH, h / HEIGHT]),
    "rows first": ("[y1, x1, y2, x2]", lambda x, y, w, h: [y, x, y + h, x + w]),
}


@pytest.mark.parametrize("name", FORMS)
def test_a_file_of_boxes_in_another_form_gets_the_masks_boxes_and_is_told_the_form(tmp_path: Path, name: str) -> None:
    words, form = FORMS[name]

    def change(content: dict[str, Any]) -> None:
        for annotation in content["annotations"]:
            annotation["bbox"] = form(*annotation["bbox"])

    spoil(tmp_path, references=change, targets=change)
    found = opened(tmp_path)
    assert [annotation.bbox for annotation in found.inputs.targets.annotations[:2]] == [
        (20, 30, 40, 40),
        (80, 30, 40, 40),
    ]
    assert found.inputs.counts() == {"references": {"boxes_from_masks": 4}, "truth": {"boxes_from_masks": 4}}
    assert f"which look like {words}" in found.told or words in found.told


def test_only_some_of_the_truth_has_masks(tmp_path: Path) -> None:
    spoil(tmp_path, targets=lambda content: content["annotations"][3].update(NONE))
    with pytest.raises(InputError, match=r"annotation 23: it has a box but no mask .*, while 3 others have one"):
        opened(tmp_path)


def test_the_first_ten_are_listed_and_the_rest_counted(tmp_path: Path) -> None:
    def change(content: dict[str, Any]) -> None:
        first = content["annotations"][0]
        content["annotations"] += [{**first, "id": 100 + n, "segmentation": [[1, 2, 3]]} for n in range(15)]

    spoil(tmp_path, targets=change)
    with pytest.raises(
        InputError, match=r"15 of 19 ground truth annotations .*annotation 109: .*; and 5 more"
    ) as caught:
        opened(tmp_path)
    assert "annotation 110" not in str(caught.value)


@pytest.mark.parametrize("mark", [1, True, "1", "true", 1.0])
def test_crowds_are_counted_and_a_class_of_nothing_else_stops_the_run(tmp_path: Path, mark: Any) -> None:
    spoil(tmp_path, references=lambda content: content["annotations"][0].update(iscrowd=mark))
    found = opened(tmp_path)
    assert found.references == [11, 12, 13]
    assert "1 of 4 reference annotations are crowds (iscrowd)" in found.told

    def all_crowds(content: dict[str, Any]) -> None:
        for annotation in content["annotations"]:
            annotation["iscrowd"] = mark

    spoil(tmp_path, references=all_crowds)
    with pytest.raises(InputError, match=r"refs\.json: class 'cup' has no .*2 of its 2 annotations are crowds"):
        opened(tmp_path)
    spoil(tmp_path, targets=all_crowds)
    with pytest.raises(InputError, match=r"targets\.json: there is nothing to evaluate, .* crowds"):
        opened(tmp_path)


def test_a_class_whose_references_are_all_bad_stops_the_run_with_the_reasons(tmp_path: Path) -> None:
    def change(content: dict[str, Any]) -> None:
        for annotation in content["annotations"][::2]:
            annotation["segmentation"] = [[1, 2, 3]]

    spoil(tmp_path, references=change)
    with pytest.raises(
        InputError, match=r"refs\.json: class 'cup' has no .*annotation 10: a polygon of it has 3 numbers"
    ):
        opened(tmp_path)
