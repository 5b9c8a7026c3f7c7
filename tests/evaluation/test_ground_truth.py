from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pycocotools import mask as coco_mask

from ntt.data.coco import Annotation, CocoDataset, ImageRecord
from ntt.evaluation.coco import evaluate, restrict_ground_truth
from ntt.evaluation.engines import Engine

SQUARE = [10.0, 10.0, 50.0, 10.0, 50.0, 50.0, 10.0, 50.0]
TWO_POINTS = [1.0, 1.0, 2.0, 2.0]


def test_restricted_ground_truth() -> None:
    def annotation(n: int, image_id: int, category_id: int, **changes: Any) -> Annotation:
        fields: dict[str, Any] = {
            "segmentation": [[0, 0, 9, 0, 9, 9]],
            "area": 50.0,
            "iscrowd": False,
            **changes,
        }
        return Annotation(n, image_id, category_id, (0.0, 0.0, 9.0, 9.0), **fields)

    images = {i: ImageRecord(i, f"{i}.jpg", 20, 30) for i in (4, 3, 1)}
    annotations = [
        annotation(10, 3, 7),
        annotation(11, 1, 7),
        annotation(12, 4, 2, iscrowd=True),
        annotation(13, 4, 7, segmentation=None),
        annotation(14, 4, 5),
    ]
    full = CocoDataset(Path("x.json"), "", images, annotations, {7: "g", 5: "e", 2: "b"})
    restricted = restrict_ground_truth(full, [2, 7], [3, 4])

    assert [image["id"] for image in restricted["images"]] == [4, 3]
    assert restricted["images"][0] == {"id": 4, "file_name": "4.jpg", "height": 20, "width": 30}
    assert restricted["categories"] == [{"id": 7, "name": "g"}, {"id": 2, "name": "b"}]
    assert [entry["id"] for entry in restricted["annotations"]] == [10, 12, 13]
    assert [entry["iscrowd"] for entry in restricted["annotations"]] == [0, 1, 0]
    assert "segmentation" not in restricted["annotations"][2]
    assert restricted["annotations"][0] == {
        "id": 10,
        "image_id": 3,
        "category_id": 7,
        "bbox": [0.0, 0.0, 9.0, 9.0],
        "area": 50.0,
        "iscrowd": 0,
        "segmentation": [[0, 0, 9, 0, 9, 9]],
    }


@pytest.mark.parametrize("engine", ["hotcoco", "pycocotools"])
@pytest.mark.parametrize(("polygons", "expected"), [([TWO_POINTS, SQUARE], 1.0), ([TWO_POINTS], 0.0)])
def test_polygons_of_two_points_cover_nothing(engine: Engine, polygons: list[list[float]], expected: float) -> None:
    box = (10.0, 10.0, 40.0, 40.0)
    record = ImageRecord(1, "1.png", 100, 100)
    annotation = Annotation(1, 1, 1, box, polygons, 1600.0, False)
    data = CocoDataset(Path("x.json"), "", {1: record}, [annotation], {1: "a"})
    square = coco_mask.merge(coco_mask.frPyObjects([SQUARE], 100, 100))
    found = {"image_id": 1, "category_id": 1, "bbox": list(box), "segmentation": square, "score": 0.9}
    metrics = evaluate(restrict_ground_truth(data, [1], [1]), [found], engine)
    assert metrics["segm"]["AP"] == pytest.approx(expected)
