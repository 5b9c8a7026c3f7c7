"""Both engines against each other, against pycocotools' own summary, and by hand."""

from __future__ import annotations

import contextlib
import copy
import io
from typing import Any

import numpy as np
import pytest
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from ntt.errors import InputError
from ntt.evaluation.coco import evaluate
from ntt.evaluation.engines import Engine

SIDE = 160  # small, medium and large objects (areas below 32^2, below 96^2, above) all fit
ENGINES: tuple[Engine, ...] = ("hotcoco", "pycocotools")
KEYS = ["AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl"]


def rle(box: np.ndarray) -> dict[str, Any]:
    """A box's inscribed ellipse as RLE, so that boxes and masks overlap differently."""
    x, y, w, h = box
    rows, columns = np.mgrid[:SIDE, :SIDE] + 0.5
    inside = ((columns - x - w / 2) / (w / 2)) ** 2 + ((rows - y - h / 2) / (h / 2)) ** 2 <= 1
    encoded = coco_mask.encode(np.asfortranarray(inside.astype(np.uint8)))
    return {"size": encoded["size"], "counts": encoded["counts"].decode()}


def uncompressed(box: np.ndarray) -> dict[str, Any]:
    """The same ellipse as plain run lengths, COCO's format for crowds."""
    columns = coco_mask.decode(rle(box)).flatten(order="F")
    edges = np.flatnonzero(np.diff(np.concatenate(([0], columns)))).tolist()
    return {"size": [SIDE, SIDE], "counts": np.diff([0, *edges, len(columns)]).tolist()}


def octagon(box: np.ndarray) -> list[list[float]]:
    x, y, w, h = (float(value) for value in box)
    angles = 2 * np.pi * np.arange(8) / 8
    points = np.stack([x + w / 2 * (1 + np.cos(angles)), y + h / 2 * (1 + np.sin(angles))], axis=1)
    return [points.flatten().tolist()]


def random_box(rng: np.random.Generator) -> np.ndarray:
    w, h = rng.uniform(8, 130, 2)
    return np.array([rng.uniform(0, SIDE - w), rng.uniform(0, SIDE - h), w, h])


def random_set(seed: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Six images; classes 5, 2, 9, and 7 without an object; crowds; ties; over 100 detections in image 1."""
    rng = np.random.default_rng(seed)
    annotations: list[dict[str, Any]] = []
    predictions: list[dict[str, Any]] = []
    for image_id in range(1, 6):
        for _ in range(rng.integers(1, 6)):
            box = random_box(rng)
            crowd = bool(rng.random() < 0.2)
            annotations.append(
                {
                    "id": len(annotations),
                    "image_id": image_id,
                    "category_id": int(rng.choice([5, 2, 9])),
                    "bbox": box.tolist(),
                    "segmentation": uncompressed(box) if crowd else octagon(box),
                    "area": float(box[2] * box[3] * 0.7),
                    "iscrowd": int(crowd),
                }
            )
            for _ in range(4):
                moved = np.clip(box + rng.normal(0, 6, 4), [0, 0, 4, 4], [SIDE - 4, SIDE - 4, SIDE, SIDE])
                category_id = annotations[-1]["category_id"] if rng.random() < 0.8 else 7
                predictions.append(prediction(image_id, category_id, moved, float(rng.integers(0, 8)) / 8))
    first = next(a for a in annotations if a["image_id"] == 1)
    for _ in range(150):
        moved = np.clip(np.array(first["bbox"]) + rng.normal(0, 20, 4), [0, 0, 4, 4], SIDE - 4)
        predictions.append(prediction(1, first["category_id"], moved, float(rng.integers(0, 20)) / 20))
    categories = [
        {"id": 5, "name": "e"},
        {"id": 2, "name": "b"},
        {"id": 9, "name": "i"},
        {"id": 7, "name": "g"},
    ]
    return dataset(range(1, 7), categories, annotations), predictions


def prediction(image_id: int, category_id: int, box: np.ndarray, score: float) -> dict[str, Any]:
    return {
        "image_id": image_id,
        "category_id": category_id,
        "bbox": box.tolist(),
        "segmentation": rle(box),
        "score": score,
    }


def dataset(image_ids: Any, categories: list[dict[str, Any]], annotations: list[dict[str, Any]]) -> dict[str, Any]:
    images = [{"id": i, "file_name": f"{i}.png", "height": SIDE, "width": SIDE} for i in image_ids]
    return {"images": images, "categories": categories, "annotations": annotations}


def one_object(**changes: Any) -> dict[str, Any]:
    """One 40 x 40 object of class "a" in image 1, none of class "b"."""
    box = np.array([10.0, 10.0, 40.0, 40.0])
    annotation = {
        "id": 1,
        "image_id": 1,
        "category_id": 1,
        "bbox": box.tolist(),
        "segmentation": rle(box),
        "area": 1600.0,
        "iscrowd": 0,
    }
    return dataset([1], [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}], [{**annotation, **changes}])


FOUND = prediction(1, 1, np.array([10.0, 10.0, 40.0, 40.0]), 0.9)


@pytest.mark.parametrize("seed", range(8))
def test_engines_agree_exactly(seed: int) -> None:
    ground_truth, predictions = random_set(seed)
    fast = evaluate(ground_truth, predictions, "hotcoco")
    assert fast == evaluate(ground_truth, predictions, "pycocotools")
    assert 0 < fast["segm"]["AP"] < 1
    assert fast["per_class"]["g"]["bbox"]["AP"] == -1.0


@pytest.mark.parametrize("engine", ENGINES)
def test_figures_are_those_of_pycocotools_summary(engine: Engine) -> None:
    ground_truth, predictions = random_set(3)
    for annotation in ground_truth["annotations"]:
        annotation["id"] += 1  # its matching cannot see an object of id 0
    metrics = evaluate(ground_truth, predictions, engine)
    truth, results = COCO(), None
    with contextlib.redirect_stdout(io.StringIO()):
        truth.dataset = copy.deepcopy(ground_truth)
        truth.createIndex()
        results = truth.loadRes(copy.deepcopy(predictions))
        for figures, iou_type in ((metrics["bbox"], "bbox"), (metrics["segm"], "segm")):
            evaluation = COCOeval(truth, results, iou_type)
            evaluation.evaluate()
            evaluation.accumulate()
            evaluation.summarize()
            assert list(figures) == KEYS
            assert list(figures.values()) == evaluation.stats.tolist()


@pytest.mark.parametrize("engine", ENGINES)
def test_class_figures_are_those_of_the_class_alone(engine: Engine) -> None:
    ground_truth, predictions = random_set(4)
    per_class = evaluate(ground_truth, predictions, engine)["per_class"]
    assert list(per_class) == ["b", "e", "g", "i"]
    for category in ground_truth["categories"]:
        alone = {
            **ground_truth,
            "categories": [category],
            "annotations": [a for a in ground_truth["annotations"] if a["category_id"] == category["id"]],
        }
        metrics = evaluate(alone, [p for p in predictions if p["category_id"] == category["id"]], engine)
        for key, value in per_class[category["name"]]["segm"].items():
            assert value == metrics["segm"][key]
        for key, value in per_class[category["name"]]["bbox"].items():
            assert value == metrics["bbox"][key]


@pytest.mark.parametrize("engine", ENGINES)
def test_one_object_found(engine: Engine) -> None:
    metrics = evaluate(one_object(), [FOUND], engine)
    nothing = {"APs", "APl", "ARs", "ARl"}
    for figures in (metrics["bbox"], metrics["segm"]):
        assert figures == {key: -1.0 if key in nothing else pytest.approx(1.0) for key in KEYS}
    assert metrics["per_class"]["a"]["segm"]["AP"] == pytest.approx(1.0)
    assert set(metrics["per_class"]["b"]["bbox"].values()) == {-1.0}


@pytest.mark.parametrize("engine", ENGINES)
def test_object_of_id_zero_can_be_found(engine: Engine) -> None:
    assert evaluate(one_object(id=0), [FOUND], engine)["bbox"]["AP"] == pytest.approx(1.0)


@pytest.mark.parametrize("engine", ENGINES)
def test_no_predictions(engine: Engine) -> None:
    metrics = evaluate(one_object(), [], engine)
    assert metrics["bbox"]["AP"] == metrics["segm"]["AR100"] == metrics["per_class"]["a"]["bbox"]["AP"] == 0.0
    assert metrics["bbox"]["APs"] == -1.0


@pytest.mark.parametrize("engine", ENGINES)
def test_no_ground_truth(engine: Engine) -> None:
    metrics = evaluate({**one_object(), "annotations": []}, [FOUND], engine)
    assert {*metrics["bbox"].values(), *metrics["segm"].values()} == {-1.0}


@pytest.mark.parametrize("engine", ENGINES)
def test_detection_on_a_crowd_is_no_mistake(engine: Engine) -> None:
    ground_truth = one_object()
    crowd_box = np.array([80.0, 80.0, 60.0, 60.0])
    on_crowd = prediction(1, 1, np.array([90.0, 90.0, 30.0, 30.0]), 1.0)
    assert evaluate(ground_truth, [FOUND, on_crowd], engine)["bbox"]["AP"] == pytest.approx(0.5)
    crowd = {**ground_truth["annotations"][0], "id": 2, "iscrowd": 1, "bbox": crowd_box.tolist()}
    crowd["segmentation"] = uncompressed(crowd_box)
    ground_truth["annotations"].append(crowd)
    metrics = evaluate(ground_truth, [FOUND, on_crowd], engine)
    assert metrics["bbox"]["AP"] == pytest.approx(1.0)
    assert metrics["segm"]["AP"] == pytest.approx(1.0)


@pytest.mark.parametrize("engine", ENGINES)
def test_boxes_only(engine: Engine) -> None:
    ground_truth = one_object()
    del ground_truth["annotations"][0]["segmentation"]
    metrics = evaluate(ground_truth, [FOUND], engine)
    assert metrics["bbox"]["AP"] == pytest.approx(1.0)
    assert set(metrics["segm"].values()) == set(metrics["per_class"]["a"]["segm"].values()) == {-1.0}


@pytest.mark.parametrize("engine", ENGINES)
def test_arguments_stay_as_they_are_and_nothing_is_printed(engine: Engine, capfd: pytest.CaptureFixture[str]) -> None:
    ground_truth, predictions = random_set(0)
    before = copy.deepcopy((ground_truth, predictions))
    evaluate(ground_truth, predictions, engine)
    evaluate(ground_truth, [], engine)
    assert (ground_truth, predictions) == before
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("change", "message"),
    [({"image_id": 8}, "image_id 8"), ({"category_id": 3}, "category_id 3")],
)
def test_prediction_outside_the_ground_truth(change: dict[str, int], message: str) -> None:
    with pytest.raises(InputError, match=f"Prediction 1 has {message}"):
        evaluate(one_object(), [FOUND, {**FOUND, **change}])


def test_prediction_without_a_score() -> None:
    with pytest.raises(InputError, match="no score"):
        evaluate(one_object(), [{key: value for key, value in FOUND.items() if key != "score"}])


def test_masks_for_a_part_of_the_objects_only() -> None:
    ground_truth = one_object()
    ground_truth["annotations"].append({**ground_truth["annotations"][0], "id": 2, "segmentation": []})
    with pytest.raises(InputError, match=r"1 of 2 .* annotation 2"):
        evaluate(ground_truth, [])


def test_two_classes_of_one_name() -> None:
    ground_truth = one_object()
    ground_truth["categories"][1]["name"] = "a"
    with pytest.raises(InputError, match="several classes named 'a'"):
        evaluate(ground_truth, [])
