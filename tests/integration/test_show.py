"""`ntt show` on a finished run: its counts are those of COCO's own evaluation, and nothing is lost between them."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout
from pathlib import Path

import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from ntt.commands import run_command
from ntt.errors import InputError

pytestmark = pytest.mark.integration


@pytest.fixture
def show(first_run, monkeypatch, capsys):
    monkeypatch.chdir(first_run[0])

    def shown(*words: str) -> str:
        assert run_command(["show", "out", *words], Path("conf")) == 0
        return capsys.readouterr().out

    return shown


def found_by_coco(truth: Path, predictions: Path) -> int:
    """How many objects have a detection of their class at IoU 0.5, of masks, among the 100 best."""
    with redirect_stdout(io.StringIO()):
        coco = COCO(str(truth))
        evaluation = COCOeval(coco, coco.loadRes(str(predictions)), "segm")
        evaluation.params.iouThrs = evaluation.params.iouThrs[:1]
        evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e10]], ["all"]
        evaluation.params.maxDets = [100]
        evaluation.evaluate()
    return sum(int((one["gtMatches"][0] > 0).sum()) for one in evaluation.evalImgs if one)


def test_the_causes_add_up_to_the_missed_objects(show, first_run, coco):
    truth = coco / "annotations" / "instances_val2017.json"
    objects = len(json.loads(truth.read_text())["annotations"])
    predictions = first_run[0] / "out" / "predictions.json"
    counted = json.loads(show("--json"))
    assert sum(counted["objects"].values()) == objects
    assert counted["objects"].get("found", 0) == counted["detections"].get("hit", 0)
    assert counted["objects"].get("found", 0) == found_by_coco(truth, predictions)
    assert sum(counted["detections"].values()) == len(json.loads(predictions.read_text()))
    # With a score that nothing reaches, whatever was found is lost by its score.
    strict = json.loads(show("--json", "--score", "2"))
    assert sum(strict["objects"].values()) == objects
    assert "found" not in strict["objects"]
    assert strict["detections"] == {}


def test_an_image_is_told_object_by_object(show):
    told = json.loads(show("--image", "000002.png", "--proposals", "--json"))
    assert told["image_id"] == 2
    assert [row["object"] for row in told["objects"]] == [21, 22]
    assert len(told["detections"]) > 0
    assert all(row["nearest references"] for row in told["detections"])
    assert sum(row["came to"] == "detected" for row in told["proposals"]) == len(told["detections"])
    screen = show("--image", "2")
    assert "000002.png (image 2): 2 objects" in screen
    assert "\x1b" not in screen


@pytest.mark.usefixtures("show")
def test_what_cannot_be_shown_is_said(tmp_path):
    with pytest.raises(InputError, match="--image 77 is no image of this run"):
        run_command(["show", "out", "--image", "77"], Path("conf"))
    with pytest.raises(InputError, match="holds no run"):
        run_command(["show", str(tmp_path)], Path("conf"))
