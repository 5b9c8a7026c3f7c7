"""References with boxes or clicks only: the segmenter makes their masks, as an ordinary COCO json to go on with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from command_line import log_of, ntt
from passing_fault import losing
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


FIRST_MASK = """
import os
import ntt.segmenters.sam2 as module
segment, calls = module.Sam2.segment, []
def replaced(self, embedding, prompts):
    found = segment(self, embedding, prompts)
    calls.append(1)
    if len(calls) == 1:
        found.logits.fill_(float(os.environ["FIRST_MASK"]))
    return found
module.Sam2.segment = replaced
"""


def first_mask(value: str, folder: Path) -> dict[str, str]:
    """The environment of a run whose segmenter gives only this logit for the first of the references."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(FIRST_MASK)
    return {"PYTHONPATH": str(folder), "FIRST_MASK": value}


@pytest.mark.parametrize("kind", [box_only, click_only])
def test_a_reference_without_a_mask_is_left_out_and_said_also_by_the_run_that_finds_it(
    coco: Path, small_networks: list[str], tmp_path: Path, kind: Any
) -> None:
    references = write_references(coco, tmp_path / "labels.json", kind)
    command = options(coco, references, small_networks, "out")

    log = log_of(ntt(*command, cwd=tmp_path, **first_mask("-9", tmp_path / "hook")))
    assert "masks 5, without 1" in log
    again = log_of(ntt(*command, cwd=tmp_path))

    left_out = "annotation 11: it has no mask, and the segmenter found none at its box or clicks"
    assert left_out in " ".join(log.split())
    assert left_out in " ".join(again.split())
    assert json.loads((tmp_path / "out" / "metrics.json").read_text())["input"]["references"]["dropped"] == 1


def test_a_segmenter_without_finite_numbers_ends_the_run_by_name(
    coco: Path, small_networks: list[str], tmp_path: Path
) -> None:
    references = write_references(coco, tmp_path / "labels.json", box_only)

    done = ntt(*options(coco, references, small_networks, "out"), cwd=tmp_path, **first_mask("nan", tmp_path / "hook"))

    assert done.returncode == 1
    assert "sam2_hiera_tiny gives numbers that are not finite" in done.stderr
    assert "000001.png" in done.stderr
    assert list((tmp_path / "outputs" / "store" / "prompt").glob("*")) == []


def test_an_image_that_is_lost_for_a_while_is_lost_for_that_run_only(
    coco: Path, small_networks: list[str], tmp_path: Path
) -> None:
    references = write_references(coco, tmp_path / "labels.json", box_only)
    command = options(coco, references, small_networks, "out")
    results = []
    for store, lost in (("clean", None), ("disturbed", "train2017/000002.png"), ("disturbed", None)):
        fault = losing(lost, "late", tmp_path / "hook") if lost else {}
        log_of(ntt(*command, f"store.root={tmp_path}/{store}", cwd=tmp_path, **fault))
        results.append((tmp_path / "out" / "predictions.json").read_bytes())
        made = json.loads((tmp_path / "out" / "prompted_references.json").read_text())
        assert len(made["annotations"]) == (4 if lost else 6)

    assert results[0] == results[2] != results[1]
