"""Every export is read back: by our own readers, by pycocotools, or by a few lines that follow its description."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from ntt.data.geometry import annotation_mask
from ntt.data.readers.catalogue import make_reader
from ntt.exports.protocol import FoundObject, Scene, make_exporter
from ntt.exports.settings import formats

CLASSES = ["cup", "a heart"]
SIZE = (60, 80)  # height, width


def encoded(mask: np.ndarray) -> dict:
    rle = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": list(rle["size"]), "counts": rle["counts"].decode()}


def shapes() -> list[np.ndarray]:
    """A ring, a disc in two parts, a bar that crosses the first, and a single pixel in the corner."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    apart = np.hypot(x - 25, y - 25)
    ring = (apart < 18) & (apart > 8)
    parts = (np.hypot(x - 60, y - 15) < 9) | (np.hypot(x - 60, y - 45) < 9)
    bar = (abs(y - 25) < 3) & (x > 12) & (x < 40)
    pixel = (x == 79) & (y == 59)
    return [ring, parts, bar, pixel]


@pytest.fixture
def scenes(tmp_path: Path) -> list[Scene]:
    """Two images, one in a folder, of which the second holds nothing."""
    found = [
        FoundObject(place % 2, CLASSES[place % 2], 0.9 - place / 10, encoded(mask))
        for place, mask in enumerate(shapes())
    ]
    made = []
    for number, name in enumerate(("one.png", "more/one.jpg"), start=1):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", SIZE[::-1], (90, 90, 90)).save(path)
        made.append(Scene(number, name, path, *SIZE, found if number == 1 else []))
    return made


def export(name: str, folder: Path, scenes: list[Scene], tolerance: float = 0.5) -> dict:
    exporter = make_exporter(name, folder / name, CLASSES, tolerance)
    for scene in scenes:
        exporter.add(scene)
    exporter.finish()
    return exporter.losses.summary()


def iou(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / max((one | other).sum(), 1))


@pytest.mark.parametrize("name", ["labelme", "yolo", "voc", "masks"])
def test_our_own_reader_gets_the_objects_back(name: str, tmp_path: Path, scenes: list[Scene]) -> None:
    wanted = scenes[0].objects if name not in ("voc",) else scenes[0].objects[:2]
    scenes = [Scene(1, "one.png", scenes[0].path, *SIZE, wanted), scenes[1]]
    summary = export(name, tmp_path, scenes)

    assert make_reader(name).recognises(tmp_path / name)
    read = make_reader(name).read(tmp_path / name, "references")

    assert summary["least_iou"] > 0.8
    assert len(read.annotations) == len(wanted)
    for one in wanted:
        same = [a for a in read.annotations if read.categories[a.category_id] == one.name]
        masks = [annotation_mask(a, *SIZE) > 0 for a in same if a.segmentation]
        assert max(iou(mask, one.mask > 0) for mask in masks) >= summary["least_iou"] - 1e-4
    for image in read.images.values():
        assert any((place / image.file_name).exists() for place in make_reader(name).image_places(tmp_path / name))


def test_a_polygon_can_be_kept_close_or_loose(tmp_path: Path, scenes: list[Scene]) -> None:
    close, loose = (export("yolo", tmp_path / str(t), scenes, t)["mean_iou"] for t in (0.0, 3.0))

    assert close > 0.9
    assert loose < close


def test_cvat_masks_are_exact(tmp_path: Path, scenes: list[Scene]) -> None:
    export("cvat", tmp_path, scenes)

    images = ElementTree.parse(tmp_path / "cvat/annotations.xml").getroot().findall("image")
    masks = images[0].findall("mask")
    assert [image.get("name") for image in images] == ["one.png", "more/one.jpg"]
    assert len(masks) == 4
    for one, element in zip(reversed(scenes[0].objects), masks, strict=True):
        left, top, width, height = (int(element.attrib[key]) for key in ("left", "top", "width", "height"))
        runs = [int(run) for run in element.attrib["rle"].split(",")]
        inside = np.repeat(np.arange(len(runs)) % 2, runs).reshape(height, width)
        mask = np.zeros(SIZE, dtype=np.uint8)
        mask[top : top + height, left : left + width] = inside
        assert (mask == one.mask).all()
        assert element.attrib["label"] == one.name


def test_png_masks_are_exact_and_the_map_has_the_better_object_on_top(tmp_path: Path, scenes: list[Scene]) -> None:
    export("masks", tmp_path, scenes)

    with (tmp_path / "masks/objects.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    ids = np.asarray(Image.open(tmp_path / "masks/ids/one__ids.png"))
    assert [row["class"] for row in rows] == ["cup", "a heart", "cup", "a heart"]
    for row, one in zip(rows, scenes[0].objects, strict=True):
        assert (np.asarray(Image.open(tmp_path / "masks" / row["mask"])) // 255 == one.mask).all()
    assert ids[25, 14] == 1  # where the bar crosses the ring
    assert ids[25, 25] == 3
    assert not np.asarray(Image.open(tmp_path / "masks/ids/more__one__ids.png")).any()


def test_fiftyones_layout_is_a_coco_file_beside_its_images(tmp_path: Path, scenes: list[Scene]) -> None:
    export("fiftyone", tmp_path, scenes)

    dataset = COCO(str(tmp_path / "fiftyone/labels.json"))
    assert [round(one["score"], 1) for one in dataset.anns.values()] == [0.9, 0.8, 0.7, 0.6]
    for annotation, one in zip(dataset.anns.values(), scenes[0].objects, strict=True):
        assert (dataset.annToMask(annotation) == one.mask).all()
        assert dataset.cats[annotation["category_id"]]["name"] == one.name
    assert all((tmp_path / "fiftyone/data" / image["file_name"]).exists() for image in dataset.imgs.values())


def test_labelme_says_which_parts_are_one_object(tmp_path: Path, scenes: list[Scene]) -> None:
    export("labelme", tmp_path, scenes)

    shapes = json.loads((tmp_path / "labelme/one.json").read_text())["shapes"]
    groups = [shape["group_id"] for shape in shapes if shape["label"] == "a heart"]
    assert groups == [2, 2, None]


def test_what_a_map_hides_is_counted(tmp_path: Path, scenes: list[Scene]) -> None:
    summary = export("voc", tmp_path, scenes)

    crossing = scenes[0].objects[2].mask
    hidden = crossing & scenes[0].objects[0].mask
    assert summary["least_iou"] == pytest.approx(1 - hidden.sum() / crossing.sum(), abs=1e-5)
    assert summary["exact"] == 3


def test_images_of_one_name_do_not_meet(tmp_path: Path, scenes: list[Scene]) -> None:
    twin = Scene(9, "one.jpg", scenes[1].path, *SIZE, [])
    export("yolo", tmp_path, [scenes[0], twin])

    assert {file.name for file in (tmp_path / "yolo/labels").iterdir()} == {"one.txt", "one_9.txt"}


def test_every_format_is_a_file() -> None:
    assert formats() == ["cvat", "fiftyone", "labelme", "masks", "voc", "yolo"]
