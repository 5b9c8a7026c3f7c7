"""The published implementation's draws on tiny_coco, case by case."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ntt.data.coco import read_coco
from ntt.data.sampling import sample_references
from ntt.data.splits import select_classes


def test_draws_are_those_of_the_published_implementation(golden: Path, tiny_coco: Path) -> None:
    file = golden / "reference_sampling.json"
    if not file.is_file():
        pytest.skip(f"{file} is not there")
    cases = json.loads(file.read_text())["cases"]
    assert cases
    for case in cases:
        dataset = read_coco(tiny_coco / "annotations" / case["annotations"])
        classes = select_classes(dataset, case["classes"])
        drawn: dict[str, list[dict[str, int]]] = {}
        for reference in sample_references(dataset, list(classes), case["shots"], case["seed"]):
            drawn.setdefault(str(reference.category_id), []).append(
                {"image_id": reference.image_id, "annotation_id": reference.annotation_id}
            )
        assert drawn == case["expected"], f"shots {case['shots']}, seed {case['seed']}"
