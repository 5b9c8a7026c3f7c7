"""LVIS in its own layout, in miniature, from references to federated AP."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from lvis_miniature import CLASSES, FEW, TINY, write_lvis
from readme_sweeps import DEMO, run_once

from ntt.evaluation.lvis import evaluate_lvis
from ntt.foreign.documents import read_object


@pytest.fixture(scope="module")
def lvis(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which both experiments were run over the same files."""
    cwd = tmp_path_factory.mktemp("lvis")
    write_lvis(cwd / "coco")
    for name in ("lvis", "lvis_minival"):
        run_once([f"+experiment={name}", "dataset.root=coco", "shots=2", f"hydra.run.dir={name}", *DEMO], cwd)
    return cwd


def test_the_figures_are_those_of_the_file_itself(lvis: Path) -> None:
    metrics = read_object(lvis / "lvis" / "metrics.json", "")
    truth = read_object(lvis / "coco" / "annotations" / "lvis_v1_val.json", "")
    predictions = json.loads((lvis / "lvis" / "predictions.json").read_text())
    for task in ("bbox", "segm"):
        assert metrics[task] == pytest.approx(evaluate_lvis(truth, predictions, task), abs=1e-12)
    assert metrics["segm"]["AP"] > 0
    assert set(metrics["per_class"]) == set(CLASSES)
    report = (lvis / "lvis" / "report.md").read_text()
    assert "| APr | APc | APf |" in report


def test_images_are_found_in_both_of_cocos_folders(lvis: Path) -> None:
    found = {one["image_id"] for one in json.loads((lvis / "lvis" / "predictions.json").read_text())}
    assert found == {1, 2, 3, 4}
    of_minival = json.loads((lvis / "lvis_minival" / "predictions.json").read_text())
    assert {one["image_id"] for one in of_minival} == {3, 4}
    assert not list(lvis.glob("*/unreadable.json"))


def test_short_classes_repeat_and_those_without_a_valid_object_take_what_there_is(lvis: Path) -> None:
    (file,) = lvis.glob("outputs/store/references/*/references.json")  # of both experiments
    chosen = json.loads(file.read_text())
    document = read_object(lvis / "coco" / "annotations" / "lvis_v1_train.json", "")
    names = {category["id"]: category["name"] for category in document["categories"]}
    by_class = {name: [one["annotation_id"] for one in chosen if names[one["category_id"]] == name] for name in CLASSES}
    assert all(len(ids) == 2 for ids in by_class.values())
    assert len(set(by_class[FEW])) == 1
    boxes = {one["id"]: one["bbox"] for one in document["annotations"]}
    assert [boxes[identity][0] for identity in by_class[TINY]] == [0, 0]
