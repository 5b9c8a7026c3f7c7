from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ntt.errors import InputError
from ntt.evaluation.files import read_predictions, write_predictions


def example(score: float) -> dict[str, Any]:
    return {
        "score": score,
        "image_id": np.int64(3),
        "category_id": 7,
        "bbox": np.array([1, 2, 3, 4]),
        "segmentation": {"counts": "0P1", "size": [4, 4]},
    }


def test_numbers_survive_in_full(tmp_path: Path) -> None:
    scores = [1 / 3, math.nextafter(0.5, 1), 1e-17]
    write_predictions(tmp_path / "p.json", [example(score) for score in scores])
    read = read_predictions(tmp_path / "p.json")
    assert [entry["score"] for entry in read] == scores
    assert read[0] == {
        "image_id": 3,
        "category_id": 7,
        "bbox": [1.0, 2.0, 3.0, 4.0],
        "segmentation": {"size": [4, 4], "counts": "0P1"},
        "score": 1 / 3,
    }


def test_float32_scores_are_written(tmp_path: Path) -> None:
    write_predictions(tmp_path / "p.json", [{**example(0), "score": np.float32(0.1)}])
    assert read_predictions(tmp_path / "p.json")[0]["score"] == float(np.float32(0.1))


def test_key_order_does_not_reach_the_bytes(tmp_path: Path) -> None:
    prediction = example(0.25)
    write_predictions(tmp_path / "a.json", [prediction, prediction])
    write_predictions(tmp_path / "b.json", [dict(reversed(prediction.items()))] * 2)
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert len((tmp_path / "a.json").read_text().splitlines()) == 2


def test_the_bytes_are_those_of_json(tmp_path: Path) -> None:
    odd = {"counts": 'a\\b"c\n', "size": [480, 640]}
    predictions = [example(score) for score in (0.1, 1e-300, 1.0, 5e22)] + [{**example(0.5), "segmentation": odd}]
    write_predictions(tmp_path / "p.json", predictions)
    keys = ("image_id", "category_id", "bbox", "segmentation", "score")
    plain = [{**one, "image_id": 3, "bbox": [1.0, 2.0, 3.0, 4.0]} for one in predictions]
    for one in plain:
        one["segmentation"] = {key: one["segmentation"][key] for key in ("size", "counts")}
    lines = (json.dumps({key: one[key] for key in keys}, separators=(",", ":")) for one in plain)
    assert (tmp_path / "p.json").read_text() == "[" + ",\n".join(lines) + "]\n"


@pytest.mark.parametrize("score", [math.nan, math.inf])
def test_what_is_no_number_is_refused(tmp_path: Path, score: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_predictions(tmp_path / "p.json", [example(score)])
    assert not list(tmp_path.iterdir())


def test_no_predictions_are_an_empty_list(tmp_path: Path) -> None:
    write_predictions(tmp_path / "p.json", [])
    assert json.loads((tmp_path / "p.json").read_text()) == []


@pytest.mark.parametrize("text", [None, "[{", '{"annotations": []}', "[1]"])
def test_no_results_file(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "p.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError, match=r"p\.json"):
        read_predictions(path)
