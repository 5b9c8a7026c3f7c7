"""``python -m experiments.custom.boats_birds COCO OUT``: the published toy set, cut out of COCO's train2017.

Two references, a bird and a boat, with boxes only; ten target images with masks, one of them without a bird or a boat.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path
from typing import Any

from ntt.errors import InputError
from ntt.foreign.documents import read_object

# The images that the published script names.
REFERENCES = {"bird": 429819, "boat": 101435}
TARGETS = (98636, 361948, 456065, 42279, 517410, 439274, 407180, 459673, 481301, 460598)


def main(arguments: list[str]) -> int:
    """See the module; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m experiments.custom.boats_birds", description=main.__doc__)
    parser.add_argument("coco", type=Path, help="holds annotations/instances_train2017.json and train2017/")
    parser.add_argument("out", type=Path, help="folder to write: annotations/ and images/")
    given = parser.parse_args(arguments)
    try:
        print(write(given.coco, given.out))
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def write(coco: Path, out: Path) -> str:
    """Write the set; says what it holds.

    Raises:
        InputError: COCO is not there, or lacks one of the images.
    """
    file = coco / "annotations" / "instances_train2017.json"
    document = read_object(file, "`ntt data fetch coco` brings it")
    images = {image["id"]: image for image in document["images"]}
    ids = {one["name"]: one["id"] for one in document["categories"] if one["name"] in REFERENCES}
    wanted = [*REFERENCES.values(), *TARGETS]
    absent = [image for image in wanted if image not in images]
    if absent or len(ids) < len(REFERENCES):
        what = f"images {absent}" if absent else f"classes {sorted(set(REFERENCES) - set(ids))}"
        raise InputError(f"{file} has no {what}: give COCO 2017's own file.")
    categories = [one for one in document["categories"] if one["id"] in ids.values()]
    of_classes = [one for one in document["annotations"] if one["category_id"] in ids.values()]
    references = [_first(of_classes, images[number], ids[name]) for name, number in REFERENCES.items()]
    targets = [one for one in of_classes if one["image_id"] in TARGETS]
    (out / "annotations").mkdir(parents=True, exist_ok=True)
    (out / "images").mkdir(exist_ok=True)
    for name, numbers, objects in (("references", REFERENCES.values(), references), ("targets", TARGETS, targets)):
        described = {"images": [images[number] for number in numbers], "annotations": objects}
        (out / "annotations" / f"{name}.json").write_text(json.dumps(described | {"categories": categories}))
    for number in wanted:
        source = coco / "train2017" / images[number]["file_name"]
        if not source.is_file():
            raise InputError(f"{source} does not exist: `ntt data fetch coco` brings it.")
        shutil.copyfile(source, out / "images" / source.name)
    return f"{out}: {len(references)} references, {len(TARGETS)} target images with {len(targets)} objects"


def _first(annotations: list[dict[str, Any]], image: dict[str, Any], category: int) -> dict[str, Any]:
    """The reference of a class: its first object in an image, without its mask."""
    found = next((a for a in annotations if (a["image_id"], a["category_id"]) == (image["id"], category)), None)
    if found is None:
        raise InputError(f"image {image['id']} has no object of class {category}: give COCO 2017's own file.")
    return {key: value for key, value in found.items() if key != "segmentation"}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
