"""Pictures that EXIF turns, and files that state the sides of the picture lying down."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image

from ntt.data.coco import Annotation, CocoDataset, ImageRecord
from ntt.data.pictures import Pictures
from ntt.data.sides import upright_sides

LOW = [[50.0, 10.0, 90.0, 10.0, 90.0, 50.0, 50.0, 50.0]]  # outside of 60 x 100, inside of 100 x 60
SMALL = [[10.0, 10.0, 40.0, 10.0, 40.0, 40.0, 10.0, 40.0]]  # inside of both


def photo(path: Path, orientation: int, size: tuple[int, int]) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("RGB", size).save(path, exif=exif)


def dataset_of(*segmentations: Any) -> CocoDataset:
    """An image for each mask, all of them stated as 60 wide and 100 high."""
    images = {i: ImageRecord(i, f"{i}.jpg", 100, 60) for i in range(len(segmentations))}
    annotations = [Annotation(i, i, 1, (10.0, 10.0, 30.0, 30.0), s, 1.0, False) for i, s in enumerate(segmentations)]
    return CocoDataset(Path("x.json"), "", images, annotations, {1: "cup"})


def test_upright_annotations_with_the_sides_of_the_stored_picture(tmp_path: Path) -> None:
    given = dataset_of(LOW, SMALL)
    for name in ("0.jpg", "1.jpg"):
        photo(tmp_path / name, 6, (60, 100))  # upright 100 wide and 60 high
    dataset, told = upright_sides(given, given.annotations, Pictures([tmp_path]))
    assert [(r.width, r.height) for r in dataset.images.values()] == [(100, 60), (100, 60)]
    assert "2 pictures have their sides swapped" in told[0]
    assert "'0.jpg', stated as 60 wide and 100 high" in told[0]


def test_nothing_changes_where_no_object_lies_outside(tmp_path: Path) -> None:
    given = dataset_of(SMALL)
    photo(tmp_path / "0.jpg", 6, (60, 100))
    assert upright_sides(given, given.annotations, Pictures([tmp_path])) == (given, [])


def test_a_picture_annotated_as_it_is_stored_keeps_its_sides_and_speaks_for_the_doubtful(tmp_path: Path) -> None:
    high = [[10.0, 70.0, 40.0, 70.0, 40.0, 95.0]]
    given = dataset_of(LOW, high, SMALL)
    for name in ("0.jpg", "1.jpg", "2.jpg"):
        photo(tmp_path / name, 6, (60, 100))
    dataset, _ = upright_sides(given, given.annotations, Pictures([tmp_path]))
    assert [(r.width, r.height) for r in dataset.images.values()] == [(100, 60), (60, 100), (60, 100)]


def test_width_and_height_mistaken_for_each_other_show_by_run_lengths(tmp_path: Path) -> None:
    given = dataset_of({"size": [60, 100], "counts": [100, 50, 5850]})
    Image.new("RGB", (100, 60)).save(tmp_path / "0.jpg")
    dataset, _ = upright_sides(given, given.annotations, Pictures([tmp_path]))
    assert (dataset.images[0].width, dataset.images[0].height) == (100, 60)


def test_objects_outside_of_a_picture_that_is_as_it_is_stated_turn_nothing(tmp_path: Path) -> None:
    given = dataset_of(LOW)
    Image.new("RGB", (60, 100)).save(tmp_path / "0.jpg")
    assert upright_sides(given, given.annotations, Pictures([tmp_path])) == (given, [])
