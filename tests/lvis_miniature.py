"""LVIS in miniature and in its own layout: drawn scenes, files without `file_name`, and what makes LVIS another set."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from miniatures import KINDS, DrawnPicture, coco_document, pictures

CLASSES = tuple(kind.name for kind in KINDS[:12])
FEW, TINY = CLASSES[1], CLASSES[2]
"""A class with a single object in train, and one whose objects in train are all too near the border."""
VAL_IN_TRAIN = 2  # of val's images, those that lie in COCO's train2017


def write_lvis(root: Path, train: int = 9, val: int = 4) -> None:
    """`annotations/lvis_v1_*.json` beside the images of COCO; the last image of val is checked, and has no object."""
    folder = root / "annotations"
    folder.mkdir(parents=True)
    examples, targets = pictures(CLASSES, train, 1), pictures(CLASSES, val, 2)
    places = ["train2017"] * VAL_IN_TRAIN + ["val2017"] * (val - VAL_IN_TRAIN)
    for picture in examples:
        picture.save(root / "train2017")
    for picture, place in zip(targets, places, strict=True):
        picture.save(root / place)
    learnt = lvis_document(examples, ["train2017"] * train)
    few = [one for one in learnt["annotations"] if one["category_id"] == 2][1:]
    learnt["annotations"] = [one for one in learnt["annotations"] if one not in few]
    for one in learnt["annotations"]:
        if one["category_id"] == 3:  # as if it were seen through a slit at the left border: no valid reference
            one["bbox"][0] = 0
    (folder / "lvis_v1_train.json").write_text(json.dumps(learnt))
    whole = lvis_document(targets, places)
    empty = whole["images"][-1]["id"]
    whole["annotations"] = [one for one in whole["annotations"] if one["image_id"] != empty]
    (folder / "lvis_v1_val.json").write_text(json.dumps(whole))
    in_val = [image for image in whole["images"] if "/val2017/" in image["coco_url"]]
    kept = {image["id"] for image in in_val}
    small = {
        **whole,
        "images": [{**image, "file_name": image["coco_url"].rpartition("/")[2]} for image in in_val],
        "annotations": [one for one in whole["annotations"] if one["image_id"] in kept],
    }
    (folder / "lvis_v1_minival_inserted_image_name.json").write_text(json.dumps(small))


def lvis_document(shown: tuple[DrawnPicture, ...], places: list[str]) -> dict[str, Any]:
    """What an LVIS file of the pictures says: every class is checked in every image, one of them not exhaustively."""
    document = coco_document(shown, CLASSES)
    for image, place in zip(document["images"], places, strict=True):
        here = {one["category_id"] for one in document["annotations"] if one["image_id"] == image["id"]}
        image["coco_url"] = f"http://images.cocodataset.org/{place}/{image.pop('file_name')}"
        image["neg_category_ids"] = [number for number in range(1, 9) if number not in here]
        image["not_exhaustive_category_ids"] = sorted(here)[:1]
    for number, category in enumerate(document["categories"]):
        category["frequency"] = "rcf"[number % 3]
    for one in document["annotations"]:
        del one["iscrowd"]
    return document
