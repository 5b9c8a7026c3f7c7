"""The library's face, on the demo's networks and a small drawn world."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from subprocess import run

import numpy as np
import pytest
import torch
from command_line import ntt as command_line
from PIL import Image
from pycocotools.coco import COCO

import ntt
from ntt.drawn.dataset import write_world
from ntt.errors import InputError

CLASSES = ("bell", "cup", "heart")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("world") / "drawn"
    write_world(root, 40, 2, seed=4)
    return root


@pytest.fixture(scope="module")
def annotated(world: Path) -> list[tuple[Path, str, dict, np.ndarray]]:
    """Two objects of each class: file, name, annotation, mask."""
    file = COCO(str(world / "annotations" / "instances_train.json"))
    ids = {category["name"]: category["id"] for category in file.dataset["categories"]}
    objects = []
    for name in CLASSES:
        large = [a for a in file.loadAnns(file.getAnnIds(catIds=[ids[name]])) if min(a["bbox"][2:]) > 40][:2]
        assert len(large) == 2
        for annotation in large:
            path = world / "train" / file.imgs[annotation["image_id"]]["file_name"]
            objects.append((path, name, annotation, file.annToMask(annotation)))
    return objects


@pytest.fixture(scope="module")
def model(annotated: list[tuple[Path, str, dict, np.ndarray]]) -> ntt.Model:
    fitted = ntt.load("demo", device="cpu")
    for path, name, _, mask in annotated:
        fitted.add(path, name, mask=mask)
    return fitted


@pytest.fixture(scope="module")
def photo(world: Path) -> Path:
    return sorted((world / "val").glob("*.png"))[0]


def test_a_fitted_model_predicts_also_after_it_was_saved(model: ntt.Model, photo: Path, tmp_path: Path) -> None:
    found = model.predict(photo)
    model.save(tmp_path / "world.ntt")

    again = ntt.load(tmp_path / "world.ntt", device="cpu").predict(np.array(Image.open(photo).convert("RGB")))

    assert len(found) > 0
    assert set(found.names) <= set(CLASSES)
    assert (np.diff(found.scores) <= 0).all()
    assert found.masks.any((1, 2)).all()
    assert again.scores.tobytes() == found.scores.tobytes()
    assert again.rles == found.rles


def test_boxes_are_the_extents_of_the_masks(model: ntt.Model, photo: Path) -> None:
    for one in model.predict(photo)[:3]:
        rows, columns = np.nonzero(one.masks[0])
        assert one.boxes[0].tolist() == [columns.min(), rows.min(), columns.max(), rows.max()]


def test_many_images_come_one_by_one_in_order(model: ntt.Model, world: Path) -> None:
    files = sorted((world / "val").glob("*.png"))

    found = model.predict(file for file in files)

    assert [one.file_name for one in found] == [str(file) for file in files]


def test_a_box_or_clicks_become_a_mask(model: ntt.Model, annotated: list[tuple[Path, str, dict, np.ndarray]]) -> None:
    path, _, annotation, mask = annotated[0]
    x, y, width, height = annotation["bbox"]
    by_box = model.segment(path, box=(x, y, x + width, y + height))
    inside = np.argwhere(mask)[len(np.argwhere(mask)) // 2]
    by_click = model.segment(path, points=[(float(inside[1]) + 0.5, float(inside[0]) + 0.5)])

    assert by_box.shape == by_click.shape == mask.shape
    assert (by_box & mask).sum() / (by_box | mask).sum() > 0.6
    assert by_click.any()


def test_references_can_be_added_and_removed(annotated: list[tuple[Path, str, dict, np.ndarray]]) -> None:
    growing = ntt.load("demo", device="cpu")
    for path, name, _, mask in annotated[:4]:
        growing.add(path, name, mask=mask)
    assert growing.classes == ("bell", "cup")
    before = growing.bank.prototypes()

    growing.remove(3)
    assert torch.equal(growing.bank.prototypes()[0], before[0])
    assert not torch.equal(growing.bank.prototypes()[1], before[1])
    growing.remove("bell")
    assert growing.classes == ("cup",)

    with pytest.raises(InputError, match="'bell' is no class of this model: cup"):
        growing.remove("bell")
    with pytest.raises(InputError, match="There is no reference 9: the model has 1"):
        growing.remove(9)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({}, "Name the object by mask=, box="),
        ({"box": (9, 9, 3, 20)}, "A box is x1, y1, x2, y2 in pixels with x1 < x2"),
        ({"box": (9, 9, 3000, 20)}, "lies outside of the image"),
        ({"points": [(-4, 9)]}, "lies outside of the image"),
        ({"mask": np.zeros((3, 3))}, "A mask is an array .H, W. of its image's size"),
        ({"mask": np.zeros((320, 320))}, "has no pixel"),
        ({"mask": np.ones((320, 320)), "box": (1, 2, 3, 4)}, "by its mask, or by a box and points, not by both"),
    ],
)
def test_what_cannot_be_a_reference_is_said(model: ntt.Model, photo: Path, given: dict, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        model.add(photo, "cup", **given)


def test_what_cannot_be_loaded_or_read_is_said(tmp_path: Path, model: ntt.Model) -> None:
    with pytest.raises(InputError, match="demos is no model: give demo, large, or a file"):
        ntt.load("demos")
    with pytest.raises(InputError, match="no reference yet"):
        ntt.load("demo").predict("photo.jpg")
    with pytest.raises(InputError, match="does not exist"):
        ntt.load("large", checkpoints=tmp_path / "it's here, (somewhere) = [é]")
    with pytest.raises(InputError, match=r"photo.jpg: unreadable image"):
        model.predict("photo.jpg")
    with pytest.raises(InputError, match="An image is a file, a Pillow image or an array"):
        model.predict(np.zeros((4, 4, 3)))


def test_the_name_alone_costs_no_heavy_import() -> None:
    code = "import ntt, sys; ntt.__version__; sys.exit('torch' in sys.modules or 'hydra' in sys.modules)"

    assert run([sys.executable, "-c", code], check=False).returncode == 0


def references_file(world: Path, target: Path, per_class: int = 2) -> Path:
    """A COCO json of a few objects of three classes, and nothing else."""
    described = json.loads((world / "annotations" / "instances_train.json").read_text())
    categories = [category for category in described["categories"] if category["name"] in CLASSES]
    annotations = []
    for category in categories:
        own = [a for a in described["annotations"] if a["category_id"] == category["id"] and min(a["bbox"][2:]) > 40]
        annotations += own[:per_class]
    used = {annotation["image_id"] for annotation in annotations}
    images = [image for image in described["images"] if image["id"] in used]
    target.write_text(json.dumps({"images": images, "categories": categories, "annotations": annotations}))
    return target


def test_the_library_and_the_command_line_find_the_same(world: Path, tmp_path: Path) -> None:
    labels = references_file(world, tmp_path / "refs.json")
    done = command_line(
        *(
            "+experiment=custom",
            "backbone=dinov2_demo",
            "segmenter=sam2_demo",
            "precision=fp32",
            "device=cpu",
            "proposals.points_per_side=16",
        ),
        *(f"dataset.references={labels}", f"dataset.reference_images={world}/train", f"dataset.targets={world}/val"),
        *("report.pictures=0", "hydra.run.dir=out", "store.vectors=float32"),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    rows = json.loads((tmp_path / "out" / "predictions.json").read_text())

    model = ntt.load("demo", device="cpu", options=[f"dataset.reference_images={world}/train", "store.vectors=float32"])
    model.fit(labels)
    found = list(model.predict(sorted((world / "val").glob("*.png"))))

    expected = [(row["score"], row["bbox"], row["segmentation"]) for row in rows]
    assert [
        (score, box["bbox"], box["segmentation"])
        for one in found
        for score, box in zip(one.scores.tolist(), one.to_coco()["annotations"], strict=True)
    ] == expected


def test_labels_without_masks_are_completed_and_missing_ones_said(world: Path, tmp_path: Path) -> None:
    labels = references_file(world, tmp_path / "refs.json")
    described = json.loads(labels.read_text())
    for annotation in described["annotations"]:
        del annotation["segmentation"]
    labels.write_text(json.dumps(described))
    model = ntt.load("demo", device="cpu", options=[f"dataset.reference_images={world}/train"])

    model.fit(labels)

    assert len(model.references) == 6
    assert sorted(model.classes) == sorted(CLASSES)
    with pytest.raises(InputError, match=r"nowhere.json does not exist"):
        model.fit(tmp_path / "nowhere.json")
