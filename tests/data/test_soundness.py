"""Which annotations can be used, and what is derived for those that nearly can."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ntt.data.coco import Annotation, CocoDataset, ImageRecord, read_coco
from ntt.data.soundness import Findings, check_annotations
from ntt.data.values import NO_BOX

SQUARE = [10.0, 20.0, 50.0, 20.0, 50.0, 40.0, 10.0, 40.0]
BOX = (10.0, 20.0, 40.0, 20.0)


def check(*annotations: Annotation, masks_needed: bool = True) -> tuple[list[Annotation], Findings]:
    images = {1: ImageRecord(1, "1.jpg", 100, 200)}
    return check_annotations(CocoDataset(Path("x.json"), "", images, [], {1: "cup"}), annotations, masks_needed)


def annotation(segmentation: Any = (), bbox: Any = BOX, number: int = 7, area: float = 800.0) -> Annotation:
    return Annotation(number, 1, 1, bbox, [SQUARE] if segmentation == () else segmentation, area, False)


@pytest.mark.parametrize(
    "segmentation",
    [
        SQUARE,
        [str(number) for number in SQUARE],
        [[10, 20], [50, 20], [50, 40], [10, 40]],
        [[[10, 20], [50, 20], [50, 40], [10, 40]]],
        [[[10, 20, 50, 20, 50, 40, 10, 40]]],
        [{"x": 10, "y": 20}, {"x": 50, "y": 20}, {"x": 50, "y": 40}, {"x": 10, "y": 40}],
        [SQUARE, [], [1, 2, 3, 4]],
    ],
)
def test_polygons_of_every_nesting_are_one_polygon(segmentation: Any) -> None:
    (sound,), findings = check(annotation(segmentation))
    assert sound.segmentation == [SQUARE]
    assert findings.counts() == {}


def test_what_needs_no_change_is_the_very_same() -> None:
    given = annotation()
    (sound,), findings = check(given)
    assert sound is given
    assert findings.counts() == {}


@pytest.mark.parametrize(
    ("segmentation", "reason"),
    [
        ([[10, 20, 50, 20, 50]], "5 numbers, an odd count"),
        ([[1, 1, 2, 2]], "no polygon of three points"),
        ([[[]]], "no polygon"),
        ([[10, 20, None, 20, 50, 40]], "not a number"),
        ([[10, 20, 50, 20, 50, 1e30]], "beyond 100000 pixels"),
        ([["a", "b", "c", "d", "e", "f"]], "'a' where a number belongs"),
        ([[300, 20, 350, 20, 350, 40]], "outside their 200x100 picture"),
        ([[10, 20, 10, 20, 10, 20]], "cover no pixel"),
        ({"size": [200, 100], "counts": [20000]}, "sides are swapped"),
        ({"size": [100, 200], "counts": [21000]}, "add up to 21000 pixels, its picture has 20000"),
        ({"size": [100, 200], "counts": [20000]}, "covers no pixel"),
        ({"size": [100, 200], "counts": [20008, -8]}, "not whole run lengths"),
        ({"size": [100, 200]}, "has no counts"),
        ({"counts": [20000]}, "RLE size is None"),
        ({"size": [100, 200], "counts": "not a mask"}, "no compressed run lengths"),
        (None, "a box but no mask"),
    ],
)
def test_a_mask_that_cannot_be_used_says_why(segmentation: Any, reason: str) -> None:
    sound, findings = check(annotation(segmentation), annotation(number=8))
    assert [one.id for one in sound] == [8]
    ((identity, told),) = findings.unusable
    assert identity == 7
    assert reason in told


@pytest.mark.parametrize("counts", [[0, 20000], "0oWc0", [0.0, 20000.0]])
def test_every_form_of_rle(counts: Any) -> None:
    if isinstance(counts, str):
        from pycocotools import mask as coco_mask

        counts = coco_mask.encode(np.asfortranarray(np.ones((100, 200), np.uint8)))["counts"].decode()
    (sound,), _ = check(annotation({"size": [100, 200], "counts": counts}, (0.0, 0.0, 200.0, 100.0)))
    assert sound.segmentation["size"] == [100, 200]  # type: ignore[call-overload, index]


@pytest.mark.parametrize("box", [NO_BOX, (0.0, 0.0, 0.0, 0.0), (50.0, 40.0, -40.0, -20.0), (100.0, 60.0, 40.0, 20.0)])
def test_a_box_that_contradicts_its_mask_is_the_masks(box: tuple[float, float, float, float]) -> None:
    (sound,), findings = check(annotation(bbox=box))
    assert sound.bbox == BOX
    assert findings.counts() == {"boxes_from_masks": 1}


def test_corners_for_sizes_show_over_the_file() -> None:
    # Near the picture's corner x2 is nearly the width: such a box passes for one of COCO's when it is looked at alone.
    near = annotation([[2, 1, 102, 1, 102, 61, 2, 61]], (2.0, 1.0, 102.0, 61.0))
    (alone,), _ = check(near)
    assert alone.bbox == (2.0, 1.0, 102.0, 61.0)
    middle = annotation(bbox=(10.0, 20.0, 50.0, 40.0), number=8)
    sound, findings = check(annotation([[20, 15, 102, 15, 102, 61, 20, 61]], (20.0, 15.0, 102.0, 61.0)), middle)
    assert [one.bbox for one in sound] == [(20.0, 15.0, 82.0, 46.0), BOX]
    assert findings.form == "[x1, y1, x2, y2]"


@pytest.mark.parametrize(
    ("boxes", "reason"),
    [
        ([(150, 20, 190, 40), (10, 20, 50, 40), (60, 70, 90, 95)], "[x1, y1, x2, y2]"),
        ([(0.1, 0.2, 0.3, 0.4), (0.5, 0.1, 0.2, 0.2)], "fractions of the picture"),
        ([(60, 150, 30, 40), (10, 20, 30, 40), (20, 120, 30, 40)], "[y, x, height, width]"),
        ([(10, 20, 0, 40)], "no positive width"),
        ([(10, 20, 30, -40)], "no positive width"),
        ([(250, 20, 30, 40)], "outside its 200x100 picture"),
        ([(180, 20, 90, 40)], "for the most part outside"),
    ],
)
def test_a_box_without_a_mask_is_judged_by_its_picture(boxes: list[Any], reason: str) -> None:
    given = [annotation(None, tuple(map(float, box)), number) for number, box in enumerate(boxes)]
    sound, findings = check(*given, masks_needed=False)
    assert not sound
    assert all(reason in told for _, told in findings.unusable)


def test_boxes_alone_are_fine_where_no_mask_is_needed() -> None:
    given = [annotation(None), annotation(None, (120.0, 60.0, 82.0, 40.0), 8)]
    assert check(*given, masks_needed=False)[0] == given
    sound, findings = check(*given, annotation(number=9), masks_needed=False)
    assert [one.id for one in sound] == [9]
    assert "while 1 others have one" in findings.unusable[0][1]


def test_areas_come_from_masks_where_the_file_has_none() -> None:
    runs = {"size": [100, 200], "counts": [1020, 20, 18960]}
    sound, findings = check(annotation(area=math.nan), annotation(runs, (10.0, 20.0, 1.0, 20.0), 8, math.nan))
    assert [one.area for one in sound] == [800.0, 20.0]
    assert findings.counts() == {"areas_from_masks": 2}


def test_cocos_own_annotations_are_all_sound_and_unchanged(tiny_coco: Path) -> None:
    for name in ("train", "val"):
        dataset = read_coco(tiny_coco / "annotations" / f"instances_{name}2017.json")
        sound, findings = check_annotations(dataset, dataset.annotations, masks_needed=True)
        assert all(one is given for one, given in zip(sound, dataset.annotations, strict=True))
        assert set(findings.counts()) <= {"crowds"}
