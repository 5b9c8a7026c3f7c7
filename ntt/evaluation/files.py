"""Predictions on disk, in COCO's results format."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ntt.errors import InputError
from ntt.store import write_atomically


def write_predictions(path: Path, predictions: Iterable[Mapping[str, Any]]) -> None:
    """Write COCO results, one prediction per line; equal predictions in equal order give equal bytes.

    Of each prediction these fields: image_id, category_id, bbox (x, y, width, height in pixels), segmentation
    (RLE with text counts) and score. Numbers are written in full: a rounded score could change the ranking.
    """
    lines = (json.dumps(_result(prediction), separators=(",", ":"), allow_nan=False) for prediction in predictions)
    write_atomically(path, ("[" + ",\n".join(lines) + "]\n").encode())


def _result(prediction: Mapping[str, Any]) -> dict[str, Any]:
    height, width = prediction["segmentation"]["size"]
    return {
        "image_id": int(prediction["image_id"]),
        "category_id": int(prediction["category_id"]),
        "bbox": [float(value) for value in prediction["bbox"]],
        "segmentation": {"size": [int(height), int(width)], "counts": prediction["segmentation"]["counts"]},
        "score": float(prediction["score"]),
    }


def read_predictions(path: Path) -> list[dict[str, Any]]:
    """Read a COCO results file.

    Raises:
        InputError: the file is missing, is not JSON or is no list of objects.
    """
    try:
        predictions = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path} cannot be read as COCO results ({error}): give a JSON file of predictions."
        ) from error
    if not isinstance(predictions, list) or not all(isinstance(entry, dict) for entry in predictions):
        raise InputError(f"{path} is no COCO results file: it must be a JSON list of predictions.")
    return predictions
