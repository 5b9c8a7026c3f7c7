"""CD-FSOD in its own layout, in miniature: each of the six experiments from fixed boxes to box AP."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import ntt
from PIL import Image
from readme_sweeps import run_small

SIDE = 128
COLOURS = ((220, 60, 40), (40, 90, 220))
# Experiment -> folder, shots, and what is in front of a picture's name in train/ and test/.
SETS = {
    "artaxor": ("ArTaxOr", 1, "", ""),
    "clipart1k": ("clipart1k", 10, "", ""),
    "dior": ("DIOR", 5, "new_train", "new_test"),
    "fish": ("FISH", 1, "", ""),
    "neu_det": ("NEU-DET", 1, "", ""),
    "uodd": ("UODD", 5, "", ""),
}


def draw(folder: Path, images: int, seed: int, names: list[str], empty: int = 0) -> dict[str, Any]:
    """Noisy pictures with one square of each class, boxes only, and `empty` further ones without an object."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    described: dict[str, Any] = {"images": [], "annotations": []}
    for image_id in range(images + empty):  # ids count from 0, as some of the published files do
        pixels = rng.integers(90, 150, (SIDE, SIDE, 3)).astype(np.uint8)
        described["images"].append({"id": image_id, "file_name": f"{image_id:04d}.jpg", "height": SIDE, "width": SIDE})
        for place in range(len(names) if image_id < images else 0):
            size, left, top = int(rng.integers(36, 48)), 14 + 56 * place, int(rng.integers(14, 60))
            pixels[top : top + size, left : left + size] = COLOURS[place]
            box = {"bbox": [left, top, size, size], "area": size * size, "iscrowd": 0}
            identity = {"id": len(described["annotations"]), "image_id": image_id, "category_id": 3 + place}
            described["annotations"].append(identity | box)
        Image.fromarray(pixels).save(folder / f"{image_id:04d}.jpg", quality=95)
    described["categories"] = [{"id": 3 + place, "name": name} for place, name in enumerate(names)]
    return described


def write_set(root: Path, name: str, shots: int, train: str, test: str, classes: list[str], missing: int) -> None:
    """One of the six as it is published; the last class has `missing` references less than the others."""
    references = draw(root / name / "train" / train, shots, 1, classes)
    last = 3 + len(classes) - 1
    boxes = references["annotations"]
    kept = [box for box in boxes if box["category_id"] != last or box["image_id"] < shots - missing]
    annotations = root / name / "annotations"
    annotations.mkdir()
    (annotations / f"{shots}_shot.json").write_text(json.dumps(references | {"annotations": kept}))
    targets = draw(root / name / "test" / test, 3, 2, classes, empty=1)
    (annotations / "test.json").write_text(json.dumps(targets))


@pytest.mark.parametrize("which", SETS)
def test_a_miniature_runs_from_boxes_to_box_ap(which: str, small_networks: list[str], tmp_path: Path) -> None:
    name, shots, train, test = SETS[which]
    classes = ["fish"] if which == "fish" else ["square", "plate"]
    missing = 3 if which == "clipart1k" else 0
    write_set(tmp_path / "data", name, shots, train, test, classes, missing)

    options = (f"+experiment=cdfsod_{which}", f"shots={shots}", f"dataset.root={tmp_path / 'data'}", *small_networks)
    out = run_small(options, tmp_path, ("device=cpu", "report.pictures=0"))

    expected = shots * len(classes) - missing
    stages = json.loads((out / "timings.json").read_text())
    assert (stages["references"]["references"], stages["references"]["classes"]) == (expected, len(classes))
    masks = json.loads((out / "prompted_references.json").read_text())["annotations"]
    assert {box["category_id"] for box in masks} == set(range(3, 3 + len(classes)))
    assert all(box["segmentation"] for box in masks)
    metrics = json.loads((out / "metrics.json").read_text())
    assert set(metrics["per_class"]) == set(classes)
    assert 0 <= metrics["bbox"]["AP"] <= 1
    assert 0 <= metrics["segm"]["AP"] <= 1
    assert metrics["pseudo"]["segm"] == {"made by": "sam2_hiera_tiny", "objects": 3 * len(classes), "boxes": 0}
    predicted = json.loads((out / "predictions.json").read_text())
    assert {one["image_id"] for one in predicted} <= {0, 1, 2, 3}
    assert predicted
    report = (out / "report.md").read_text()
    assert "published AP" in report and "segm (pseudo)" in report and "segm is pseudo" in report  # noqa: PT018
    # As published; the small networks' options leave these alone.
    config = (out / ".hydra" / "config.yaml").read_text()
    assert "precision: fp32" in config and "vectors: float32" in config and "repeat_first: true" in config  # noqa: PT018


def test_who_lacks_the_data_is_told_where_they_are(tmp_path: Path) -> None:
    done = ntt("+experiment=cdfsod_uodd", "dataset.root=nowhere", cwd=tmp_path)
    assert done.returncode == 2
    told = " ".join(done.stderr.split())
    assert "nowhere/UODD/annotations/1_shot.json does not exist (dataset.references)" in told
    assert "CDFSOD-benchmark" in told
