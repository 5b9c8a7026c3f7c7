"""The whole program against the published one on the demo's networks and drawn world: references, figures, detections.

`published_on_demo.json` was made with the weights whose sha256 it records. Should the demo's networks be trained anew,
these weights stay as tests/golden/weights/.
"""

from __future__ import annotations

import json
from collections import defaultdict
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from command_line import ntt
from golden_files import OWN, cases_of, golden_folder
from pycocotools import mask as coco_mask

pytestmark = [pytest.mark.integration, pytest.mark.slow]

FILE = "published_on_demo.json"
SHIPPED = Path(__file__).resolve().parents[2] / "ntt" / "demo_weights"
KEYS = {"dinov2_demo.safetensors": "backbone.weights", "sam2_demo.safetensors": "segmenter.weights"}


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A working directory whose store all cases share, and the options that the file gives, with its weights."""
    golden = json.loads((golden_folder() / FILE).read_text())
    weights = [f"{KEYS[name]}={find_weights(name, digest)}" for name, digest in golden["weights_sha256"].items()]
    options = [golden["experiment"], *golden["options"], *weights, "device=cpu", "report.pictures=0"]
    return tmp_path_factory.mktemp("published"), options


def find_weights(name: str, digest: str) -> Path:
    """The file with these bytes: the shipped one, or the fixture that stays when another is shipped."""
    for file in (SHIPPED / name, OWN / "weights" / name):
        if file.is_file() and sha256(file.read_bytes()).hexdigest() == digest:
            return file
    raise AssertionError(
        f"{FILE} was made with the {name} of sha256 {digest}, which is neither shipped (ntt/demo_weights) nor kept: "
        f"when the demo's networks are trained anew, keep the weights of before as tests/golden/weights/{name}"
    )


@pytest.mark.parametrize("case", cases_of(FILE, lambda case: f"{case['shots']}shot-seed{case['seed']}"))
def test_one_run_is_the_published_one(case: dict[str, Any], program: tuple[Path, list[str]]) -> None:
    cwd, options = program
    out = f"out-{case['shots']}-{case['seed']}"
    done = ntt(*options, f"shots={case['shots']}", f"seed={case['seed']}", f"hydra.run.dir={out}", cwd=cwd)
    assert done.returncode == 0, done.stderr

    if "references" in case:
        assert references(cwd, case) == published_references(case)
    metrics = json.loads((cwd / out / "metrics.json").read_text())
    for kind, figures in case["figures_percent"].items():
        assert len(figures) == 12
        percent = {name: 100 * metrics[kind][name] for name in figures}
        assert percent == pytest.approx(figures, rel=0, abs=1e-3), kind
    predictions = json.loads((cwd / out / "predictions.json").read_text())
    assert len(predictions) == case["detections"]
    if "predictions" in case:
        assert_one_to_one(predictions, case["predictions"])


def test_other_weights_are_said_and_not_compared() -> None:
    with pytest.raises(
        AssertionError, match=r"sam2_demo.safetensors of sha256 0+, which .* keep the weights of before"
    ):
        find_weights("sam2_demo.safetensors", "0" * 64)


def references(cwd: Path, case: dict[str, Any]) -> dict[str, list[tuple[int, int]]]:
    """Class -> (image, annotation), in the order drawn, of the artifact with the case's shots and seed."""
    for manifest in (cwd / "outputs" / "store" / "references").glob("*/manifest.json"):
        sampling = json.loads(manifest.read_text())["inputs"]["sampling"]
        if (sampling["shots"], sampling["seed"]) == (case["shots"], case["seed"]):
            found = defaultdict(list)
            for row in json.loads((manifest.parent / "references.json").read_text()):
                found[str(row["category_id"])].append((row["image_id"], row["annotation_id"]))
            return dict(found)
    raise AssertionError("the run left no references in its store")


def published_references(case: dict[str, Any]) -> dict[str, list[tuple[int, int]]]:
    return {
        category: [(row["img_id"], annotation) for row in rows for annotation in row["ann_ids"]]
        for category, rows in case["references"].items()
    }


def assert_one_to_one(ours: list[dict[str, Any]], published: list[dict[str, Any]]) -> None:
    """Equal images, classes and boxes; scores within 1e-4; mask IoU at least 0.999. Nothing is left over."""
    sizes = {prediction["image_id"]: prediction["segmentation"]["size"] for prediction in ours}

    def by_box(predictions: list[dict[str, Any]]) -> dict[tuple[Any, ...], list[dict[str, Any]]]:
        groups = defaultdict(list)
        for prediction in sorted(predictions, key=lambda p: -p["score"]):
            box = tuple(float(side) for side in prediction["bbox"])
            groups[prediction["image_id"], prediction["category_id"], box].append(prediction)
        return dict(groups)

    ours_by_box, published_by_box = by_box(ours), by_box(published)
    assert {k: len(v) for k, v in ours_by_box.items()} == {k: len(v) for k, v in published_by_box.items()}
    for key, expected in published_by_box.items():
        for mine, theirs in zip(ours_by_box[key], expected, strict=True):
            assert mine["score"] == pytest.approx(theirs["score"], abs=1e-4), key
            mask = {"size": sizes[key[0]], "counts": theirs["counts"]}
            assert coco_mask.iou([mine["segmentation"]], [mask], [0])[0, 0] >= 0.999, key
