"""References of one format and targets of another; pictures inside of labels beside a folder of pictures."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from PIL import Image

from ntt.config import read_config
from ntt.errors import InputError
from ntt.run import conf_folder
from ntt.stages.check import check_input
from ntt.stages.inputs import open_inputs

SQUARE = [[20, 20], [60, 20], [60, 60], [20, 60]]


def labelme(file: Path, inside: bool) -> None:
    raw = io.BytesIO()
    Image.new("RGB", (100, 80)).save(raw, "PNG")
    shape = {"label": "cup", "points": SQUARE, "shape_type": "polygon"}
    named = {"imagePath": f"{file.stem}.png", "imageHeight": 80, "imageWidth": 100}
    data = base64.b64encode(raw.getvalue()).decode() if inside else None
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"version": "5", "flags": {}, "shapes": [shape], **named, "imageData": data}))


def opened(folder: Path, *options: str):
    paths = [f"dataset.references={folder}/mine", f"dataset.targets={folder}/truth"]
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        return read_config(compose("config", ["+experiment=custom", *paths, *options]))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    labelme(tmp_path / "mine/a.json", inside=True)
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (100, 80)).save(tmp_path / "photos/b.png")
    Image.new("RGB", (100, 80)).save(tmp_path / "mine/b.png")
    labelme(tmp_path / "mine/b.json", inside=False)
    (tmp_path / "truth").mkdir()
    Image.new("RGB", (100, 80)).save(tmp_path / "truth/t.png")
    one = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [20, 20, 40, 40], "area": 1600, "iscrowd": 0}
    document = {
        "images": [{"id": 1, "file_name": "t.png", "height": 80, "width": 100}],
        "annotations": [{**one, "segmentation": [[20, 20, 60, 20, 60, 60, 20, 60]]}],
        "categories": [{"id": 1, "name": "cup"}],
    }
    (tmp_path / "truth/instances.json").write_text(json.dumps(document))
    return tmp_path


def test_each_side_may_have_a_format_of_its_own(folder: Path) -> None:
    for options in ([], ["dataset.format=coco", "dataset.reference_format=labelme"]):
        inputs = open_inputs(opened(folder, *options))
        assert len(inputs.references.annotations) == 2
        assert inputs.has_truth
    with pytest.raises(InputError):
        open_inputs(opened(folder, "dataset.format=coco"))


def test_pictures_inside_of_labels_are_found_beside_a_folder_of_pictures(folder: Path) -> None:
    config = opened(folder, f"dataset.reference_images={folder}/photos")
    inputs = open_inputs(config)
    assert inputs.reference_images.path("b.png") == folder / "photos/b.png"
    assert inputs.reference_images.path("a.json") == folder / "mine/a.json"
    assert not inputs.reference_images.missing
    found = check_input(config)
    assert not found.problems
    assert not found.files[0].missing
