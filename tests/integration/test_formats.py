"""Ten objects of each class in every format: the same references, the same bytes, by the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from command_line import ntt
from pycocotools import mask as coco_mask
from written_labels import OF_MASKS, OF_POLYGONS, write_coco
from written_world import Drawn, World, rasterised

from ntt.data.images import load_image
from ntt.drawn.dataset import write_world

pytestmark = [pytest.mark.integration, pytest.mark.slow]

CLASSES = ("cup", "heart", "bell")
OBJECTS = 10
TARGETS = 3


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The drawn world, enough of it for ten objects a class, and three targets with their truth."""
    root = tmp_path_factory.mktemp("scenes") / "world"
    write_world(root, train_scenes=80, val_scenes=TARGETS, seed=2026)
    return root


def ten_of_each(scenes: Path, outlines: bool) -> World:
    """Pictures with an object or several of the classes, ten objects of each; masks as drawn, or as rough outlines."""
    document = json.loads((scenes / "annotations/instances_train.json").read_text())
    names = {category["id"]: category["name"] for category in document["categories"]}
    files = {image["id"]: image["file_name"] for image in document["images"]}
    world = World({}, {})
    counted = dict.fromkeys(CLASSES, 0)
    for entry in document["annotations"]:
        name, file = names[entry["category_id"]], files[entry["image_id"]]
        # One of a class in a picture: maps of classes can tell no two apart.
        again = any(one.name == name for one in world.objects.get(file, []))
        if name not in CLASSES or counted[name] == OBJECTS or again:
            continue
        mask = coco_mask.decode(entry["segmentation"]).astype(bool)
        polygon = outline(mask)
        drawn = rasterised([polygon], *mask.shape) if outlines else mask
        counted[name] += 1
        world.pictures.setdefault(file, load_image(scenes / "train" / file))
        world.objects.setdefault(file, []).append(Drawn(name, [polygon], drawn))
    assert set(counted.values()) == {OBJECTS}
    for every in world.objects.values():
        every.sort(key=lambda one: one.name)
    return world


def outline(mask: np.ndarray) -> list[float]:
    """Down the left edge of a mask and up its right one, every fourth row, at whole pixels."""
    rows = np.flatnonzero(mask.any(axis=1))[::4]
    left = [(float(np.flatnonzero(mask[row])[0]), float(row)) for row in rows]
    right = [(float(np.flatnonzero(mask[row])[-1] + 1), float(row)) for row in rows]
    return [value for point in [*left, *reversed(right)] for value in point]


def sweep(scenes: Path, folders: list[Path], out: Path) -> list[bytes]:
    """The predictions of each point of one sweep."""
    done = ntt(
        *("-m", "+experiment=custom", f"dataset.references={','.join(map(str, folders))}"),
        f"dataset.targets={scenes}/annotations/instances_val.json",
        f"dataset.target_images={scenes}/val",
        *("backbone=dinov2_demo", "segmenter=sam2_demo", "precision=fp32", "device=cpu"),
        *("proposals.points_per_side=8", "stages=[references,memory,proposals,match]"),
        *(f"store.root={scenes.parent}/store", f"hydra.sweep.dir={out}"),
        cwd=scenes.parent,
    )
    assert done.returncode == 0, done.stderr
    assert "left out" not in done.stderr
    return [(out / str(number) / "predictions.json").read_bytes() for number in range(len(folders))]


@pytest.mark.parametrize("kind", ["polygons", "masks"])
def test_every_format_gives_the_same_references_and_the_same_bytes(kind: str, scenes: Path, tmp_path: Path) -> None:
    world = ten_of_each(scenes, outlines=kind == "polygons")
    writers = OF_POLYGONS if kind == "polygons" else OF_MASKS
    folders = [write_coco(world, tmp_path / "coco", kind == "polygons")]
    folders += [write(world, tmp_path / name) for name, write in writers.items()]
    before = set((scenes.parent / "store").rglob("references.json"))
    results = sweep(scenes, folders, tmp_path / "out")
    made = set((scenes.parent / "store").rglob("references.json")) - before
    assert len(made) == len(folders)
    assert len({taken(file) for file in made}) == 1
    assert len(taken(made.pop())) == OBJECTS * len(CLASSES)
    assert len(json.loads(results[0])) > 20
    for folder, found in zip(folders, results, strict=True):
        assert found == results[0], folder


def taken(file: Path) -> tuple[tuple[int, int, int], ...]:
    """The references of a run: class counted from the first, image and annotation, in order."""
    rows = json.loads(file.read_text())
    first = min(row["category_id"] for row in rows)
    return tuple((row["category_id"] - first, row["image_id"], row["annotation_id"]) for row in rows)
