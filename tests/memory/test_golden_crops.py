"""Crops of real COCO references against the published implementation's (golden/reference_crops.json)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from ntt.data.coco import CocoDataset, read_coco
from ntt.data.geometry import annotation_mask
from ntt.data.images import load_image
from ntt.data.sampling import is_valid
from ntt.memory.crops import reference_crop


@pytest.fixture(scope="module")
def expected(golden: Path) -> dict[str, Any]:
    path = golden / "reference_crops.json"
    if not path.is_file():
        pytest.skip(f"no {path}")
    return json.loads(path.read_text())


@pytest.fixture(scope="module")
def train(tiny_coco: Path) -> CocoDataset:
    return read_coco(tiny_coco / "annotations" / "instances_train2017.json")


def test_crops_and_grid_masks(expected: dict[str, Any], train: CocoDataset, tiny_coco: Path) -> None:
    annotations = {annotation.id: annotation for annotation in train.annotations}
    for case in expected["cases"]:
        annotation = annotations[case["annotation_id"]]
        record = train.images[annotation.image_id]
        image = load_image(tiny_coco / "train2017" / record.file_name, (record.height, record.width))
        mask = annotation_mask(annotation, record.height, record.width)

        crop, grid_mask = reference_crop(
            image, mask, annotation.bbox, expected["context_ratio"], expected["crop_size"], 37
        )

        assert crop.shape == (3, 518, 518)
        torch.testing.assert_close(grid_mask, torch.tensor(case["mask_grid"]), atol=1e-4, rtol=0)
        assert float(grid_mask.sum()) == pytest.approx(case["mask_grid_sum"], abs=1e-3)
        assert int(grid_mask.count_nonzero()) == case["mask_grid_nonzero"]
        # 518 = 7 x 74: each thumbnail pixel is the mean of 74 x 74 crop pixels.
        thumbnail = F.avg_pool2d(crop, 74)
        torch.testing.assert_close(thumbnail, torch.tensor(case["image_thumb_7x7"]), atol=1e-3, rtol=0)


def test_valid_annotations(expected: dict[str, Any], train: CocoDataset) -> None:
    valid = {a.id for a in train.annotations if is_valid(a, train.images[a.image_id])}
    assert valid == set(expected["valid_annotation_ids"])
