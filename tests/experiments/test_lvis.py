"""LVIS' figures against those of the official package, and by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from lvis_scene import random_set

from experiments.lvis.__main__ import main
from ntt.errors import InputError
from ntt.evaluation.lvis import evaluate_lvis

# Of lvis 0.5.3 (LVISEval on LVISResults with 300 detections) for `random_set`.
OFFICIAL = {
    "bbox": {
        "AP": 0.6882221421, "AP50": 0.8978083637, "AP75": 0.7947804558, "APs": 0.5254687304, "APm": 0.7315630502,
        "APl": 0.9134168087, "APr": 0.706168029, "APc": 0.6723091387, "APf": 0.6882619808,
        "AR@300": 0.8101320575, "ARs@300": 0.5978902954, "ARm@300": 0.8364278601, "ARl@300": 0.9286324786,
    },
    "segm": {
        "AP": 0.6755759898, "AP50": 0.8936666034, "AP75": 0.7747195373, "APs": 0.503411664, "APm": 0.7216067675,
        "APl": 0.901664672, "APr": 0.6929738691, "APc": 0.6575184926, "APf": 0.678387221,
        "AR@300": 0.8018843085, "ARs@300": 0.5808016878, "ARm@300": 0.8300556877, "ARl@300": 0.9222222222,
    },
}  # fmt: skip


@pytest.mark.parametrize("task", ["bbox", "segm"])
def test_the_figures_are_those_of_the_official_package(task: str) -> None:
    truth, predictions = random_set()
    assert sum(one["image_id"] == 1 for one in predictions) > 300
    assert evaluate_lvis(truth, predictions, task) == pytest.approx(OFFICIAL[task], abs=1e-9)


def small() -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """One object of class 1; class 2 is unchecked; a hit, and a better scored detection where nothing is."""
    truth = {
        "images": [{"id": 1, "height": 90, "width": 90, "neg_category_ids": [], "not_exhaustive_category_ids": []}],
        "categories": [{"id": 1, "name": "a", "frequency": "r"}, {"id": 2, "name": "b", "frequency": "f"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [5, 5, 20, 20], "area": 400}],
    }
    hit = {"image_id": 1, "category_id": 1, "bbox": [5, 5, 20, 20], "score": 0.5}
    return truth, hit, {**hit, "bbox": [50, 50, 20, 20], "score": 0.9}


def test_a_false_detection_counts_only_where_its_class_was_checked() -> None:
    truth, hit, wrong = small()
    figures = evaluate_lvis(truth, [hit, {**wrong, "category_id": 2}])
    assert figures["AP"] == figures["APr"] == pytest.approx(1)
    assert figures["APf"] == -1
    assert evaluate_lvis(truth, [hit, wrong])["AP"] == pytest.approx(0.5)  # one of two, at every recall
    truth["images"][0]["not_exhaustive_category_ids"] = [1]
    assert evaluate_lvis(truth, [hit, wrong])["AP"] == pytest.approx(1)


def test_a_file_of_coco_is_refused() -> None:
    truth, hit, _ = small()
    del truth["images"][0]["neg_category_ids"]
    with pytest.raises(InputError, match="Image 1 has no list neg_category_ids"):
        evaluate_lvis(truth, [hit])
    del truth["categories"][0]["frequency"]
    with pytest.raises(InputError, match="Class 1 has no frequency"):
        evaluate_lvis(truth, [hit])
    with pytest.raises(InputError, match="no list categories"):
        evaluate_lvis({}, [hit])
    with pytest.raises(InputError, match="Prediction 0 has image_id 7"):
        evaluate_lvis(small()[0], [{**hit, "image_id": 7}])


def test_the_command_prints_both_tasks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    truth, predictions = random_set()
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    (tmp_path / "predictions.json").write_text(json.dumps(predictions))
    assert main([str(tmp_path / "truth.json"), str(tmp_path / "predictions.json")]) == 0
    bbox, segm = capsys.readouterr().out.splitlines()
    assert bbox.startswith("bbox: AP 68.8, AP50 89.8") and segm.startswith("segm: AP 67.6")  # noqa: PT018
    assert main([str(tmp_path / "absent.json"), str(tmp_path / "predictions.json")]) == 2
