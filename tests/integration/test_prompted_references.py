"""References with boxes or clicks only: the segmenter makes their masks, as an ordinary COCO json to go on with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from command_line import log_of, ntt
from pycocotools.coco import COCO


def write_references(coco: Path, target: Path, change: Any) -> Path:
    """The training file with three objects per class, each changed."""
    described = json.loads((coco / "annotations" / "instances_train2017.json").read_text())
    described["annotations"] = [change(a) for a in described["annotations"] if a["image_id"] <= 3]
    target.write_text(json.dumps(described))
    return target


def box_only(annotation: dict[str, Any]) -> dict[str, Any]:
    return {key: annotation[key] for key in ("id", "image_id", "category_id", "bbox")}


def click_only(annotation: dict[str, Any]) -> dict[str, Any]:
    x, y, width, height = annotation["bbox"]
    kept = {key: annotation[key] for key in ("id", "image_id", "category_id")}
    return {**kept, "points": [[x + width / 2, y + height / 2]]}


def options(coco: Path, references: Path, networks: list[str], out: str) -> list[str]:
    return [
        *("+experiment=custom", *networks, "device=cpu", "precision=fp32", f"dataset.references={references}"),
        *(f"dataset.reference_images={coco}/train2017", f"dataset.targets={coco}/annotations/instances_val2017.json"),
        *(f"dataset.target_images={coco}/val2017", f"hydra.run.dir={out}", "store.shard_size=1"),
    ]


@pytest.mark.parametrize("kind", [box_only, click_only])
def test_masks_are_made_and_the_corrected_file_gives_the_same_result(
    coco: Path, small_networks: list[str], tmp_path: Path, kind: Any
) -> None:
    references = write_references(coco, tmp_path / "labels.json", kind)

    log_of(ntt(*options(coco, references, small_networks, "first"), cwd=tmp_path))
    made = COCO(str(tmp_path / "first" / "prompted_references.json"))
    corrected = tmp_path / "first" / "prompted_references.json"
    log = log_of(ntt(*options(coco, corrected, small_networks, "second"), cwd=tmp_path))

    assert len(made.anns) == 6
    assert all(made.annToMask(one).any() for one in made.anns.values())
    assert (tmp_path / "first" / "prompted_references.jpg").stat().st_size > 1000
    assert "prompt: skipped every reference has a mask" in log.replace("\n", " ")
    first, second = ((tmp_path / run / "predictions.json").read_bytes() for run in ("first", "second"))
    assert first == second


def test_boxes_are_refused_on_request(coco: Path, small_networks: list[str], tmp_path: Path) -> None:
    references = write_references(coco, tmp_path / "labels.json", box_only)

    done = ntt(*options(coco, references, small_networks, "out"), "dataset.boxes=refuse", cwd=tmp_path)

    assert done.returncode == 2
    assert "it has a box but no mask" in done.stderr


@pytest.mark.parametrize("points", [[[1, "left"]], [[1, 2, 7]], "here"])
def test_clicks_that_are_none_are_said(coco: Path, small_networks: list[str], tmp_path: Path, points: Any) -> None:
    references = write_references(coco, tmp_path / "labels.json", lambda a: {**click_only(a), "points": points})

    done = ntt(*options(coco, references, small_networks, "out"), cwd=tmp_path)

    assert done.returncode == 2
    assert "points" in done.stderr
    assert "Traceback" not in done.stderr
