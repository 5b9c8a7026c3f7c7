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
