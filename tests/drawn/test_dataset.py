"""The written world is a COCO dataset that the project's own reader takes, and is written once."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ntt.data.coco import read_coco
from ntt.data.geometry import annotation_mask
from ntt.data.images import load_image
from ntt.drawn.classes import NOVEL_CLASSES
from ntt.drawn.dataset import CLASSES, write_world
from ntt.drawn.scenes import SCENE_SIZE
from ntt.errors import InputError


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("drawn") / "world"
    write_world(root, train_scenes=4, val_scenes=2, seed=3)
    return root


@pytest.mark.parametrize(("split", "count"), [("train", 4), ("val", 2)])
def test_it_is_a_coco_dataset(world: Path, split: str, count: int) -> None:
    dataset = read_coco(world / "annotations" / f"instances_{split}.json")
    assert len(dataset.images) == count
    assert list(dataset.categories.values()) == [kind.name for kind in CLASSES]
    assert dataset.annotations
    for annotation in dataset.annotations:
        mask = annotation_mask(annotation, SCENE_SIZE, SCENE_SIZE)
        rows, columns = np.nonzero(mask)
        x, y, width, height = annotation.bbox
        assert (x, y) == (columns.min(), rows.min())
        assert (x + width, y + height) == (columns.max() + 1, rows.max() + 1)
        assert annotation.area == mask.sum()
    for image in dataset.images.values():
        assert load_image(world / split / image.file_name).shape == (image.height, image.width, 3)


def test_categories_say_which_are_novel(world: Path) -> None:
    categories = json.loads((world / "annotations" / "instances_val.json").read_text())["categories"]
    novel = [category["name"] for category in categories if category["supercategory"] == "novel"]
    assert novel == [kind.name for kind in NOVEL_CLASSES]


def test_writing_again_touches_nothing(world: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in world.rglob("*")}
    write_world(world, train_scenes=4, val_scenes=2, seed=3)
    assert {path: path.stat().st_mtime_ns for path in world.rglob("*")} == before


def test_another_world_replaces_the_old_one_and_leaves_no_rubbish(tmp_path: Path) -> None:
    root = tmp_path / "world"
    write_world(root, train_scenes=1, val_scenes=1, seed=3)
    write_world(root, train_scenes=2, val_scenes=1, seed=3)
    assert len(list((root / "train").iterdir())) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["world"]


def test_a_folder_of_something_else_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match=r"dataset\.root"):
        write_world(tmp_path, train_scenes=1, val_scenes=1, seed=3)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_scenes_do_not_depend_on_how_many_there_are(world: Path, tmp_path: Path) -> None:
    write_world(tmp_path / "small", train_scenes=1, val_scenes=1, seed=3)
    for split in ("train", "val"):
        name = "00000.png"
        assert (tmp_path / "small" / split / name).read_bytes() == (world / split / name).read_bytes()
