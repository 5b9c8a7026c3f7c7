"""Ground truth of boxes only: masks are made, figures by them are called pseudo, and no figure of boxes changes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from miniatures import coco_document, pictures
from pycocotools import mask as coco_mask
from readme_sweeps import run_small

from ntt.foreign.documents import read_json
from ntt.reporting.tables import coco_lines, metrics_table, per_class_table

NAMES = ("cup", "bell", "key")
BROKEN = 3  # a target image whose file is none


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """References, and the same targets with masks and with boxes: one a crowd, one picture empty, one no picture."""
    root = tmp_path_factory.mktemp("pseudo")
    for subset, count, seed in (("references", 3, 1), ("targets", 4, 2)):
        shown = pictures(NAMES, count, seed)
        for number, picture in enumerate(shown, start=1):
            file = root / "images" / picture.save(root / "images")
            if subset == "targets" and number == BROKEN:
                file.write_bytes(b"no picture")
        for masks in (True, False):
            document = coco_document(shown, NAMES, masks=masks)
            document["annotations"] = [
                one for one in document["annotations"] if subset != "targets" or one["image_id"] != 4
            ]
            if subset == "targets":
                document["annotations"][0]["iscrowd"] = 1
            name = f"{subset}_{'masks' if masks else 'boxes'}.json"
            (root / name).write_text(json.dumps(document))
    return root


def measured(data: Path, targets: str, *more: str) -> tuple[dict[str, Any], Path]:
    options = (
        "+experiment=custom",
        f"dataset.references={data}/references_masks.json",
        f"dataset.targets={data}/{targets}.json",
    )
    places = (f"dataset.reference_images={data}/images", f"dataset.target_images={data}/images", "precision=fp32")
    out = run_small(
        (*options, *places, f"hydra.run.dir=outputs/run/{len(list(data.glob('outputs/run/*')))}", *more), data
    )
    return json.loads((out / "metrics.json").read_text()), out


def test_boxes_are_measured_as_without_and_masks_by_what_was_made(data: Path) -> None:
    pseudo, out = measured(data, "targets_boxes")
    without, _ = measured(data, "targets_boxes", "dataset.pseudo_truth=false")
    true, of_masks = measured(data, "targets_masks")

    described = json.loads((data / "targets_masks.json").read_text())["annotations"]
    broken = sum(one["image_id"] == BROKEN for one in described)
    assert broken
    assert pseudo["pseudo"] == {"segm": {"made by": "sam2_demo", "objects": len(described), "boxes": broken}}
    assert pseudo["bbox"] == without["bbox"]
    assert without["segm"]["AP"] == -1
    assert "pseudo" not in without and "pseudo" not in true  # noqa: PT018
    assert pseudo["segm"]["AP"] > 0
    (shard,) = (data / "outputs" / "store" / "truth").glob("*/masks.json")
    kept = [one for row in read_json(shard, "") for one in row]
    overlaps = [
        coco_mask.iou([made], [given["segmentation"]], [0])[0, 0]
        for made, given in zip(kept, described, strict=True)
        if made is not None
    ]
    assert sum(overlaps) / len(overlaps) > 0.7
    assert json.loads((of_masks / "timings.json").read_text())["truth"]["skipped"]

    for text in (
        (out / "report.md").read_text(),
        "\n".join(coco_lines(pseudo)),
        str([column.header for column in per_class_table(pseudo).columns]),
        str([list(column.cells) for column in metrics_table(pseudo).columns]),
    ):
        assert "segm (pseudo)" in text
    assert f"{broken} of them no more than the box" in (out / "report.md").read_text()


def test_a_run_that_finds_the_masks_gives_the_same_bytes(data: Path) -> None:
    first, again = (measured(data, "targets_boxes")[1] for _ in range(2))
    assert (again / "metrics.json").read_bytes() == (first / "metrics.json").read_bytes()
    assert json.loads((again / "timings.json").read_text())["truth"]["computed"] == 0
