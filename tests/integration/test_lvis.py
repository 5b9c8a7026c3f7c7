"""LVIS in its own layout, in miniature, from references to federated AP."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from lvis_miniature import CLASSES, FEW, TINY, write_lvis
from readme_sweeps import DEMO, reports_of, run_once, run_report, run_sweep, sweeps_of

from ntt.evaluation.lvis import evaluate_lvis
from ntt.foreign.documents import read_object
from ntt.sweeps.collect import collect


@pytest.fixture(scope="module")
def lvis(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which `lvis` was run, and the README's sweep of `lvis_minival` with its report."""
    cwd = tmp_path_factory.mktemp("lvis")
    write_lvis(cwd / "coco")
    run_once(["+experiment=lvis", "dataset.root=coco", "shots=2", "hydra.run.dir=lvis", *DEMO], cwd)
    (words,), (report,) = sweeps_of("lvis"), reports_of("lvis")
    made = run_sweep(words, cwd, {"dataset.root": "coco", "shots": "1,2"})
    made.rename(cwd / "sweep")
    run_report(report, cwd, cwd / "sweep")
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
    of_minival = json.loads((lvis / "sweep" / "1" / "predictions.json").read_text())
    assert {one["image_id"] for one in of_minival} == {3, 4}
    assert not list(lvis.glob("**/unreadable.json"))


def test_the_sweeps_report_has_the_published_figures(lvis: Path) -> None:
    assert [(point.shots, point.state) for point in collect([lvis / "sweep"]).points] == [
        (1, "complete"),
        (2, "complete"),
    ]
    table = (lvis / "report" / "ap.md").read_text()
    assert "YOLOE-v8-L, all: bbox AP 34.2" in table
    assert "T-Rex2-L" not in table  # on val, not on minival
    assert "- not trained on the references, proposals of a trained detector: YOLOE-v8-L" in table
    assert (lvis / "report" / "ap.png").stat().st_size > 1000


def test_short_classes_repeat_and_those_without_a_valid_object_take_what_there_is(lvis: Path) -> None:
    files = list(lvis.glob("outputs/store/references/*/references.json"))
    assert len(files) == 2  # of two shot counts, whichever the experiment
    file = max(files, key=lambda file: file.stat().st_size)
    chosen = json.loads(file.read_text())
    document = read_object(lvis / "coco" / "annotations" / "lvis_v1_train.json", "")
    names = {category["id"]: category["name"] for category in document["categories"]}
    by_class = {name: [one["annotation_id"] for one in chosen if names[one["category_id"]] == name] for name in CLASSES}
    assert all(len(ids) == 2 for ids in by_class.values())
    assert len(set(by_class[FEW])) == 1
    boxes = {one["id"]: one["bbox"] for one in document["annotations"]}
    assert [boxes[identity][0] for identity in by_class[TINY]] == [0, 0]
