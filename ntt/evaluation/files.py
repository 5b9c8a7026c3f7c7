"""Predictions on disk, in COCO's results format."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ntt.errors import InputError
from ntt.foreign.documents import read_json
from ntt.store.files import write_atomically

_quoted = json.encoder.encode_basestring_ascii


def write_predictions(path: Path, predictions: Iterable[Mapping[str, Any]]) -> None:
    """Write COCO results, one prediction per line; equal predictions in equal order give equal bytes.

    Of each prediction these fields: image_id, category_id, bbox (x, y, width, height in pixels), segmentation
    (RLE with text counts) and score. Numbers are written in full: a rounded score could change the ranking.
    """
    write_atomically(path, ("[" + ",\n".join(map(_line, predictions)) + "]\n").encode())


def _line(prediction: Mapping[str, Any]) -> str:
    """What `json.dumps` would write, without white space: at half a million predictions that took most of the time."""
    x, y, width, height = map(float, prediction["bbox"])
    score = float(prediction["score"])
    if not math.isfinite(x + y + width + height + score):
        raise ValueError(f"Out of range float values are not JSON compliant: {dict(prediction)}")
    rows, columns = prediction["segmentation"]["size"]
    return (
        f'{{"image_id":{int(prediction["image_id"])},"category_id":{int(prediction["category_id"])},'
        f'"bbox":[{x!r},{y!r},{width!r},{height!r}],'
        f'"segmentation":{{"size":[{int(rows)},{int(columns)}],"counts":{_quoted(prediction["segmentation"]["counts"])}}},'
        f'"score":{score!r}}}'
    )


def read_predictions(path: Path) -> list[dict[str, Any]]:
    """Read a COCO results file.

    Raises:
        InputError: the file is missing, is not JSON or is no list of objects.
    """
    predictions = read_json(path, "give a JSON file of COCO results")
    if not isinstance(predictions, list) or not all(isinstance(entry, dict) for entry in predictions):
        raise InputError(f"{path} is no COCO results file: it must be a JSON list of predictions.")
    return predictions
