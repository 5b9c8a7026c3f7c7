"""Miniatures of data sets in their own layouts: drawn scenes, which the demo's networks can read, under other names."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pycocotools import mask as coco_mask

from ntt.drawn.classes import BASE_CLASSES, NOVEL_CLASSES
from ntt.drawn.scenes import SCENE_SIZE, draw_scene

KINDS = NOVEL_CLASSES + BASE_CLASSES
TOGETHER = 4  # classes of one scene: few scenes are enough for several of each
SMALLEST = 200  # visible pixels of an object that is annotated


@dataclass(frozen=True)
class DrawnObject:
    """A visible object: the name that its class goes by, its box x, y, width, height in pixels, and its mask."""

    name: str
    box: tuple[int, int, int, int]
    mask: NDArray[np.bool_]


@dataclass(frozen=True)
class DrawnPicture:
    """A scene: uint8 [S, S, 3] and its objects; `stem` is its file's name without a suffix."""

    stem: str
    pixels: NDArray[np.uint8]
    objects: tuple[DrawnObject, ...]

    def save(self, folder: Path, suffix: str = ".jpg") -> str:
        """Write it; returns the file's name."""
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(self.pixels).save(folder / f"{self.stem}{suffix}", quality=95)
        return f"{self.stem}{suffix}"


@lru_cache(maxsize=16)
def pictures(names: tuple[str, ...], count: int, seed: int) -> tuple[DrawnPicture, ...]:
    """`count` scenes in which the drawn classes go by `names`; four of them at a time, in turn."""
    made = []
    for number in range(count):
        first = number * TOGETHER % len(names)
        shown = [(first + step) % len(names) for step in range(min(TOGETHER, len(names)))]
        scene = draw_scene([KINDS[place] for place in shown], [1.0] * len(shown), (seed, number))
        objects = []
        for owner, label in enumerate(scene.labels, start=1):
            mask = scene.owners == owner
            if mask.sum() >= SMALLEST:
                objects.append(DrawnObject(names[shown[label]], box_of(mask), mask))
        made.append(DrawnPicture(f"{seed:02d}{number:04d}", scene.image, tuple(objects)))
    return tuple(made)


def box_of(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """x, y, width and height around the mask's pixels."""
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    left, top = int(columns[0]), int(rows[0])
    return left, top, int(columns[-1]) + 1 - left, int(rows[-1]) + 1 - top


def coco_document(
    shown: Sequence[DrawnPicture],
    names: Sequence[str],
    masks: bool = True,
    first_id: int = 1,
    suffix: str = ".jpg",
    prefix: str = "",
) -> dict[str, Any]:
    """What a COCO json of the pictures says; images, annotations and categories count from `first_id`."""
    images, annotations = [], []
    categories = {name: number for number, name in enumerate(names, start=first_id)}
    for image_id, picture in enumerate(shown, start=first_id):
        sides = {"height": SCENE_SIZE, "width": SCENE_SIZE}
        images.append({"id": image_id, "file_name": f"{prefix}{picture.stem}{suffix}", **sides})
        for one in picture.objects:
            described: dict[str, Any] = {"id": first_id + len(annotations), "image_id": image_id, "iscrowd": 0}
            described |= {"category_id": categories[one.name], "bbox": list(one.box)}
            described["area"] = int(one.mask.sum()) if masks else one.box[2] * one.box[3]
            if masks:
                run_lengths = coco_mask.encode(np.asfortranarray(one.mask.astype(np.uint8)))
                described["segmentation"] = {**run_lengths, "counts": run_lengths["counts"].decode()}
            annotations.append(described)
    listed = [{"id": number, "name": name} for name, number in categories.items()]
    return {"images": images, "annotations": annotations, "categories": listed}


def write_coco(root: Path, names: tuple[str, ...], train: int, val: int) -> None:
    """COCO 2017's layout with some of its classes."""
    (root / "annotations").mkdir(parents=True)
    for subset, count, seed in (("train2017", train, 1), ("val2017", val, 2)):
        shown = pictures(names, count, seed)
        for picture in shown:
            picture.save(root / subset)
        document = coco_document(shown, names)
        (root / "annotations" / f"instances_{subset}.json").write_text(json.dumps(document))


def write_voc(root: Path, names: tuple[str, ...], train: int, test: int) -> None:
    """VOCdevkit: half of the references in 2007, half in 2012; boxes count from 1 and hold their last pixel.

    The second object of each test picture is difficult, the last test picture shows nothing that is annotated, and one
    picture has a mask in SegmentationObject, as some of VOC's have.
    """
    shown = pictures(names, train, 3)
    kits = {("2007", "trainval"): shown[: train // 2], ("2012", "trainval"): shown[train // 2 :]}
    kits["2007", "test"] = pictures(names, test, 4)
    for (year, listed), some in kits.items():
        kit = root / "VOCdevkit" / f"VOC{year}"
        for number, picture in enumerate(some):
            file_name = picture.save(kit / "JPEGImages")
            nothing = listed == "test" and number == len(some) - 1
            objects = [] if nothing else picture.objects
            hidden = 1 if listed == "test" else None
            text = voc_xml(file_name, [(one, place == hidden) for place, one in enumerate(objects)])
            (kit / "Annotations").mkdir(exist_ok=True)
            (kit / "Annotations" / f"{picture.stem}.xml").write_text(text)
        (kit / "ImageSets" / "Main").mkdir(parents=True, exist_ok=True)
        (kit / "ImageSets" / "Main" / f"{listed}.txt").write_text("".join(f"{one.stem}\n" for one in some))
    (kit / "SegmentationObject").mkdir()
    owners = np.zeros((SCENE_SIZE, SCENE_SIZE), np.uint8)
    owners[some[0].objects[0].mask] = 1
    Image.fromarray(owners).save(kit / "SegmentationObject" / f"{some[0].stem}.png")


def voc_xml(file_name: str, objects: Sequence[tuple[DrawnObject, bool]], first_pixel: int = 1) -> str:
    """VOC's file about a picture; of each object whether it is difficult. From 0, a box ends before xmax and ymax."""
    rows = []
    for one, difficult in objects:
        x, y, width, height = one.box
        corners = {"xmin": x + first_pixel, "ymin": y + first_pixel, "xmax": x + width, "ymax": y + height}
        box = "".join(f"<{key}>{value}</{key}>" for key, value in corners.items())
        rows.append(
            f"<object><name>{one.name}</name><pose>Frontal</pose><truncated>0</truncated>"
            f"<difficult>{int(difficult)}</difficult><bndbox>{box}</bndbox></object>"
        )
    size = f"<size><width>{SCENE_SIZE}</width><height>{SCENE_SIZE}</height><depth>3</depth></size>"
    return f"<annotation><folder>VOC</folder><filename>{file_name}</filename>{size}{''.join(rows)}</annotation>"


def write_roboflow(root: Path, names: tuple[str, ...], train: int, test: int) -> None:
    """As Roboflow exports it: boxes only, ids from 0, and the project's name as a class without an object."""
    for subset, count, seed in (("train", train, 5), ("test", test, 6)):
        shown = pictures(names, count, seed)
        for picture in shown:
            picture.save(root / subset)
        document = coco_document(shown, ("project", *names), masks=False, first_id=0)
        (root / subset / "_annotations.coco.json").write_text(json.dumps(document))


def write_cdfsod(root: Path, names: tuple[str, ...], train: str, test: str) -> None:
    """One of CD-FSOD's sets: fixed references of 1 and 5 shots, the last class short of one; one target is empty."""
    shown = pictures(names, 5, 8)
    for picture in shown:
        picture.save(root / "train" / train)
    (root / "annotations").mkdir()
    for shots in (1, 5):
        document = coco_document(shown[:shots], names, masks=False)
        first = {(one["image_id"], one["category_id"]): one for one in reversed(document["annotations"])}
        kept = [one for key, one in first.items() if key != (5, len(names))]  # of five, four of the last class
        (root / "annotations" / f"{shots}_shot.json").write_text(json.dumps(document | {"annotations": kept}))
    targets = pictures(names, 3, 9)
    for picture in targets:
        picture.save(root / "test" / test)
    document = coco_document(targets, names, masks=False)
    document["annotations"] = [one for one in document["annotations"] if one["image_id"] != 3]
    (root / "annotations" / "test.json").write_text(json.dumps(document))
