"""Damaged annotation files and predictions are refused in one sentence, or used to the end: masks, figures."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mutations import damaged_json, damaged_value
from pycocotools import mask as coco_mask

from ntt.backbones.architecture import Architecture
from ntt.backbones.checkpoint_files import check_config
from ntt.data.coco import Annotation, read_coco
from ntt.data.geometry import annotation_mask
from ntt.downloads.layouts import check_annotations
from ntt.errors import InputError
from ntt.evaluation.coco import evaluate, restrict_ground_truth
from ntt.evaluation.engines import Engine
from ntt.evaluation.files import read_predictions
from ntt.sweeps.published import read_published

ENGINES: tuple[Literal["hotcoco", "pycocotools"], ...] = get_args(Engine)
RLE = coco_mask.encode(np.asfortranarray(np.eye(6, 8, dtype=np.uint8)))["counts"].decode()
SEGMENTATIONS: list[Any] = [
    [[1, 2, 11, 2, 11, 6], [0, 0, 3.5, 0, 3, 3]],
    {"size": [6, 8], "counts": [0, 1, 6, 1, 40]},
    {"size": [6, 8], "counts": RLE},
]
COCO = {
    "images": [
        {"id": 7, "file_name": "seven.jpg", "height": 6, "width": 8},
        {"id": 3, "coco_url": "http://x/three.jpg", "height": 6, "width": 8},
    ],
    "categories": [{"id": 5, "name": "cat"}, {"id": 2, "name": "dog"}],
    "annotations": [
        {
            "id": number,
            "image_id": (7, 3)[number % 2],
            "category_id": (5, 2)[number // 2],
            "bbox": [1, 2, 4.5, 4],
            "area": 18,
            "iscrowd": number % 2,
            "segmentation": segmentation,
        }
        for number, segmentation in enumerate(SEGMENTATIONS)
    ],
}
PREDICTIONS = [
    {"image_id": 7, "category_id": 5, "bbox": [1.0, 2, 4, 3], "score": 0.5, "segmentation": SEGMENTATIONS[2]},
    {"image_id": 3, "category_id": 2, "bbox": [0.0, 0, 8, 6], "score": 0.1, "segmentation": SEGMENTATIONS[2]},
]


def truth() -> dict[str, Any]:
    whole = {"size": [6, 8], "counts": RLE}
    return {**COCO, "annotations": [{**entry, "segmentation": whole} for entry in COCO["annotations"]]}


@given(damaged_json(COCO), st.sampled_from(ENGINES))
@settings(max_examples=150)
def test_a_damaged_annotation_file_is_used_to_the_end_or_refused(
    tmp_path_factory: pytest.TempPathFactory, raw: bytes, engine: Engine
) -> None:
    file = tmp_path_factory.getbasetemp() / "coco.json"
    file.write_bytes(raw)
    with suppress(InputError):
        check_annotations(file, [])
    try:
        dataset = read_coco(file)
    except InputError:
        return
    for annotation in dataset.annotations:
        image = dataset.images[annotation.image_id]
        if image.height * image.width > 10**6:
            return
        with suppress(InputError):
            assert annotation_mask(annotation, image.height, image.width).shape == (image.height, image.width)
    with suppress(InputError):
        evaluate(restrict_ground_truth(dataset, dataset.categories, dataset.images), [], engine)


@given(st.sampled_from(SEGMENTATIONS).flatmap(damaged_value))
@settings(max_examples=150)
@example({"size": [6, 8], "counts": [2**62, 2**62, 2**62, 2**62, 48]})  # wraps round to 48
def test_a_damaged_segmentation_is_drawn_or_refused(segmentation: Any) -> None:
    annotation = Annotation(1, 7, 5, (1, 2, 3, 4), segmentation, 12.0, False)
    with suppress(InputError):
        mask = annotation_mask(annotation, 6, 8)
        assert mask.shape == (6, 8)
        assert mask.max(initial=0) <= 1


@given(damaged_json(PREDICTIONS), st.sampled_from(ENGINES))
@settings(max_examples=150)
def test_damaged_predictions_are_evaluated_or_refused(
    tmp_path_factory: pytest.TempPathFactory, raw: bytes, engine: Engine
) -> None:
    file = tmp_path_factory.getbasetemp() / "predictions.json"
    file.write_bytes(raw)
    with suppress(InputError):
        evaluate(truth(), read_predictions(file), engine)


@given(damaged_json({"num_attention_heads": 6, "hidden_size": 384}))
def test_a_damaged_config_of_the_hub_is_accepted_or_refused(
    tmp_path_factory: pytest.TempPathFactory, raw: bytes
) -> None:
    folder = tmp_path_factory.mktemp("hub")
    (folder / "config.json").write_bytes(raw)
    with suppress(InputError):
        check_config(folder, Architecture(384, 12, 6, "mlp", 0, 14))


@given(damaged_json("method,split,shots,segm_ap,segm_ap_std\nours,novel,10,22.4,0.3\n"))
def test_damaged_published_figures_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    file: Path = tmp_path_factory.getbasetemp() / "published.csv"
    file.write_bytes(raw.strip(b'"').replace(b"\\n", b"\n"))
    with suppress(InputError):
        read_published(file, "AP")
