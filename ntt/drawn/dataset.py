"""The drawn world on disk: a COCO dataset whose train images hold the references and whose val images the targets."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pycocotools import mask as rle

from ntt.drawn.classes import BASE_CLASSES, NOVEL_CLASSES
from ntt.drawn.scenes import SCENE_SIZE, Scene, draw_scene
from ntt.errors import InputError
from ntt.foreign.documents import object_or_none
from ntt.screen.progress import track

VERSION = 1  # of the drawing: raised whenever the same seed gives other pixels
TRAIN_SCENES, VAL_SCENES = 100, 60
SEED = 2026
NOVEL_SHARE = 0.6  # of the objects; the others are distractors of the base classes
MIN_PIXELS = 200  # visible pixels below which an object is too hidden to be annotated

CLASSES = BASE_CLASSES + NOVEL_CLASSES
WEIGHTS = [(1 - NOVEL_SHARE) / len(BASE_CLASSES)] * len(BASE_CLASSES) + [NOVEL_SHARE / len(NOVEL_CLASSES)] * len(
    NOVEL_CLASSES
)
_SPLIT_NUMBERS = {"train": 0, "val": 1}
_MARKER = "world.json"


def ensure(root: Path) -> None:
    """Write the demo's world to ``root`` unless it is there: what ``dataset.format=drawn`` does before it reads.

    Raises:
        InputError: ``root`` holds something else.
    """
    write_world(root, TRAIN_SCENES, VAL_SCENES, SEED)


def write_world(root: Path, train_scenes: int, val_scenes: int, seed: int) -> None:
    """Write ``annotations/instances_{train,val}.json``, ``train/*.png`` and ``val/*.png`` under ``root``.

    Nothing is done where the same world already is. The folder appears under its name only when it is complete.

    Args:
        root: folder to write; its parents are made.
        train_scenes: number of images that references are sampled from.
        val_scenes: number of target images.
        seed: names the world; scenes of another seed are other scenes.

    Raises:
        InputError: ``root`` holds something that is no drawn world.
    """
    world = {"version": VERSION, "seed": seed, "train": train_scenes, "val": val_scenes}
    if _world_at(root) == world:
        return
    if root.exists() and _world_at(root) is None and any(root.iterdir()):
        raise InputError(f"{root} (dataset.root) holds files that are no drawn world; give another folder.")
    root.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{root.name}-", dir=root.parent))
    try:
        for split, count in (("train", train_scenes), ("val", val_scenes)):
            _write_split(partial, split, count, seed)
        (partial / _MARKER).write_text(json.dumps(world))
        partial.chmod(0o755)
        _move(partial, root, world)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _world_at(root: Path) -> dict[str, Any] | None:
    return object_or_none(root / _MARKER)


def _move(partial: Path, root: Path, world: dict[str, Any]) -> None:
    if _world_at(root) not in (None, world):
        shutil.rmtree(root)
    try:
        partial.replace(root)
    except OSError:
        # Another process was faster; its files are the same.
        if _world_at(root) != world:
            raise


def _write_split(root: Path, split: str, count: int, seed: int) -> None:
    (root / split).mkdir()
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number in track(range(count), f"drawing {split}", unit="scenes"):
        scene = draw_scene(CLASSES, WEIGHTS, (seed, _SPLIT_NUMBERS[split], number))
        name = f"{number:05d}.png"
        Image.fromarray(scene.image).save(root / split / name, compress_level=1)
        images.append({"id": number + 1, "file_name": name, "width": SCENE_SIZE, "height": SCENE_SIZE})
        annotations += _annotations(scene, number + 1, len(annotations) + 1)
    categories = [
        {"id": number, "name": kind.name, "supercategory": "base" if kind in BASE_CLASSES else "novel"}
        for number, kind in enumerate(CLASSES, 1)
    ]
    document = {"images": images, "annotations": annotations, "categories": categories}
    (root / "annotations").mkdir(exist_ok=True)
    (root / "annotations" / f"instances_{split}.json").write_text(json.dumps(document))


def _annotations(scene: Scene, image_id: int, first_id: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for owner, label in enumerate(scene.labels, 1):
        mask = scene.owners == owner
        if mask.sum() < MIN_PIXELS:
            continue
        found.append(
            {
                "id": first_id + len(found),
                "image_id": image_id,
                "category_id": label + 1,
                "bbox": _box(mask),
                "area": int(mask.sum()),
                "segmentation": _encode(mask),
                "iscrowd": 0,
            }
        )
    return found


def _box(mask: NDArray[np.bool_]) -> list[int]:
    """x, y, width, height of the visible pixels."""
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    left, top = int(columns[0]), int(rows[0])
    return [left, top, int(columns[-1]) + 1 - left, int(rows[-1]) + 1 - top]


def _encode(mask: NDArray[np.bool_]) -> dict[str, Any]:
    encoded = rle.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": [int(side) for side in encoded["size"]], "counts": encoded["counts"].decode("ascii")}
