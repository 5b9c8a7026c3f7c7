"""The report's overlays show what the results hold."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask

from ntt.data.coco import Annotation, ImageRecord
from ntt.data.pictures import Pictures
from ntt.reporting.verdicts import Instance
from ntt.stages import report

BOX = {"x": 1, "y": 2, "width": 5, "height": 4}


@pytest.mark.parametrize("unreadable", [0, 7])
def test_an_image_behind_unreadable_ones_is_drawn_with_its_objects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unreadable: int
) -> None:
    records = [ImageRecord(number, f"{number}.png", 20, 30) for number in range(1, unreadable + 4)]
    for record in records[unreadable:]:
        Image.new("RGB", (30, 20)).save(tmp_path / record.file_name)
    truth = [annotation(record.id) for record in records]
    rows = [prediction(record.id) for record in records for _ in range(2)]
    shown: list[tuple[list[Instance], list[Instance]]] = []

    def side_by_side(image: np.ndarray, truth: list[Instance], predictions: list[Instance], *_: object, **__: object):
        shown.append((truth, predictions))
        return Image.fromarray(image)

    for name in ("reference_sheet", "memory_sheet"):
        monkeypatch.setattr(report, name, lambda *_: Image.new("RGB", (1, 1)))
    monkeypatch.setattr(report.references, "load", lambda _: [])
    monkeypatch.setattr(report, "side_by_side", side_by_side)
    targets = SimpleNamespace(images={record.id: record for record in records}, annotations=truth)
    inputs = SimpleNamespace(
        categories={1: "disc"},
        target_category={1: 1},
        target_images=Pictures([tmp_path]),
        target_records=records,
        targets=targets,
        references=SimpleNamespace(categories={1: "disc"}),
        has_truth=True,
    )
    predicted = SimpleNamespace(load=lambda _: rows)
    work = SimpleNamespace(
        inputs=inputs,
        config=SimpleNamespace(report=SimpleNamespace(pictures=2, score=0.3)),
        predictions_stage=lambda: predicted,
    )

    assert report.make(work, tmp_path) == {"pictures": 2}  # type: ignore[arg-type]

    assert [(len(truth), len(predictions)) for truth, predictions in shown] == [(1, 2), (1, 2)]


def annotation(image_id: int) -> Annotation:
    box = (BOX["x"], BOX["y"], BOX["width"], BOX["height"])
    return Annotation(image_id, image_id, category_id=1, bbox=box, segmentation=None, area=20, iscrowd=False)


def prediction(image_id: int) -> dict:
    mask = np.zeros((20, 30), np.uint8, order="F")
    mask[2:6, 1:6] = 1
    return {
        "image_id": image_id,
        "category_id": 1,
        "bbox": list(BOX.values()),
        "segmentation": coco_mask.encode(mask),
        "score": 0.9,
    }
