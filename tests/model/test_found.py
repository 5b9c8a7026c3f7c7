"""The result of one image, on a hand-made pair of masks."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from ntt.errors import InputError
from ntt.model.found import Found


def found() -> Found:
    """A cup of 2 x 3 pixels at the top left, and over its right column a bell."""
    masks = np.zeros((2, 6, 8), dtype=np.uint8)
    masks[0, 0:2, 0:3] = 1
    masks[1, 0:4, 2:4] = 1
    rles = [coco_mask.encode(np.asfortranarray(mask)) for mask in masks]
    return Found(
        image=np.full((6, 8, 3), 120, dtype=np.uint8),
        names=("cup", "bell"),
        labels=np.array([1, 0]),
        scores=np.array([0.9, 0.4], dtype=np.float32),
        boxes=np.array([[0, 0, 2, 1], [2, 0, 3, 3]], dtype=np.float32),
        rles=tuple({"size": list(rle["size"]), "counts": rle["counts"].decode()} for rle in rles),
        classes=("bell", "cup"),
        file_name="scene.png",
    )


def test_masks_are_those_that_were_encoded() -> None:
    masks = found().masks

    assert masks.shape == (2, 6, 8)
    assert masks.dtype == np.bool_
    assert masks.sum((1, 2)).tolist() == [6, 8]


def test_it_can_be_cut_by_position_slice_score_and_class() -> None:
    both = found()

    assert both[1].names == both[-1].names == both[1:].names == ("bell",)
    assert both[[1, 0]].names == ("bell", "cup")
    assert both.threshold(0.4).names == ("cup", "bell")  # not below: float32 0.4 is float32 0.4
    assert both.threshold(0.5).names == ("cup",)
    assert both.of("bell").scores.tolist() == [pytest.approx(0.4)]
    assert [one.names for one in both] == [("cup",), ("bell",)]
    assert len(both[:0]) == 0
    assert both[:0].masks.shape == (0, 6, 8)
    with pytest.raises(IndexError):
        both[2]
    with pytest.raises(InputError, match="'fork' is no class of this model: give one of bell, cup"):
        both.of("fork")


def test_in_the_label_map_the_better_object_is_on_top() -> None:
    ids = found().label_map()

    assert ids[0].tolist() == [1, 1, 1, 2, 0, 0, 0, 0]
    assert ids[3].tolist() == [0, 0, 2, 2, 0, 0, 0, 0]


def test_the_dataset_is_one_that_pycocotools_reads(tmp_path: Path) -> None:
    found().save(tmp_path / "found.json")

    dataset = COCO(str(tmp_path / "found.json"))
    cup, bell = dataset.loadAnns(dataset.getAnnIds())

    assert [dataset.cats[one["category_id"]]["name"] for one in (cup, bell)] == ["cup", "bell"]
    assert (cup["bbox"], cup["area"]) == ([0, 0, 2, 1], 6)
    assert dataset.annToMask(bell).sum() == 8
    assert dataset.imgs[1] == {"id": 1, "file_name": "scene.png", "height": 6, "width": 8}
    json.loads((tmp_path / "found.json").read_text())


def test_pictures_are_written_and_other_names_refused(tmp_path: Path) -> None:
    found().save(tmp_path / "deep" / "found.png")

    with Image.open(tmp_path / "deep" / "found.png") as picture:
        assert picture.width >= 8
    with pytest.raises(InputError, match=r"found.tif: give a name that ends with .json, .jpg"):
        found().save(tmp_path / "found.tif")


def test_it_says_what_it_is() -> None:
    assert repr(found()) == "Found(1 cup, 1 bell in scene.png)"
    assert repr(found()[:0]) == "Found(nothing in scene.png)"
