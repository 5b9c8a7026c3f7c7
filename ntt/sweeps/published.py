"""Published figures, to stand beside ours."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ntt.errors import InputError
from ntt.reporting.tables import TASKS

KINDS = {
    "sam-only": "training-free, proposals of an unchanged SAM",
    "trained-proposals": "not trained on the references, proposals of a trained detector",
    "fine-tuned": "fine-tuned on the references",
}
"""What column `kind` may say: figures of different kinds are not a race."""


@dataclass(frozen=True)
class Published:
    """One published figure, in percent.

    Attributes:
        method: its name, as tables show it.
        task: ``bbox`` or ``segm``.
        split: the named split it was measured on.
        shots: references per class; 0 where none is told, or the figure is a mean over several.
        mean: the figure, a mean over seeds where ``std`` is given.
        std: its standard deviation as printed (of which kind, papers rarely say), None where there is none.
        dataset: the `dataset.name` it was measured on; empty where the file is about one dataset.
        kind: one of ``KINDS``; empty where the file does not say.
    """

    method: str
    task: str
    split: str
    shots: int
    mean: float
    std: float | None
    dataset: str = ""
    kind: str = ""


def read_published(path: Path, figure: str) -> list[Published]:
    """Read the rows of a CSV with columns method, split, shots, and a pair like ``bbox_ap``, ``bbox_ap_std`` per task.

    Columns `dataset` and `kind` are optional. Rows without shots stand beside no point of a sweep; they have 0 shots.

    Args:
        path: the CSV; cells may be empty.
        figure: one of COCO's twelve, such as ``AP50``, whose columns are then ``bbox_ap50``, ``segm_ap50`` and so on.

    Raises:
        InputError: the file cannot be read, lacks a column, has something else than a number in a cell,
            or a kind that is none of ``KINDS``.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            rows, columns = list(reader), list(reader.fieldnames or [])
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InputError(f"{path} cannot be read as CSV ({reason}): give the file of published figures.") from error
    absent = [column for column in ("method", "split", "shots") if column not in columns]
    if absent:
        raise InputError(
            f"{path} has no column {', '.join(absent)}: published figures need columns method, split and shots."
        )
    wanted = {task: f"{task}_{figure.lower()}" for task in TASKS}
    if not set(wanted.values()) & set(columns):
        raise InputError(f"{path} has no published {figure} (no column {' or '.join(wanted.values())}).")
    published = []
    for line, row in enumerate(rows, start=2):
        if None in row:
            raise InputError(f"{path}, line {line}: more cells than columns; decimals take a point.")
        place, kind = f"{path}, line {line}", row.get("kind") or ""
        if kind and kind not in KINDS:
            raise InputError(f"{place}: kind {kind!r} should be one of {', '.join(KINDS)}.")
        for task, column in wanted.items():
            if row.get(column):
                mean = _number(row[column], place)
                std = _number(row[f"{column}_std"], place) if row.get(f"{column}_std") else None
                shots = int(_number(row["shots"], place)) if row["shots"] else 0
                measured_on = row.get("dataset") or ""
                published.append(Published(row["method"], task, row["split"], shots, mean, std, measured_on, kind))
    return published


def with_shots(published: Iterable[Published]) -> list[Published]:
    """Those that stand beside points of a sweep."""
    return [figure for figure in published if figure.shots]


def methods(published: Iterable[Published]) -> list[str]:
    """The names, each once, in the order of the file."""
    return list(dict.fromkeys(figure.method for figure in published))


def methods_by_kind(published: Iterable[Published]) -> dict[str, list[str]]:
    """The names of each kind that the figures have, kinds in the order of ``KINDS``."""
    found = list(published)
    named = {kind: methods(figure for figure in found if figure.kind == kind) for kind in KINDS}
    return {kind: names for kind, names in named.items() if names}


def _number(text: str, place: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise InputError(f"{place}: {text!r} should be a number.") from error
