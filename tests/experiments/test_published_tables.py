"""The published figures of every table: complete, well-formed, and of a kind."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from ntt.sweeps.published import KINDS, read_published, with_shots

FOLDER = Path(__file__).resolve().parents[2] / "experiments"
TABLES = sorted(FOLDER.glob("*/published.csv"))
FIGURE = re.compile(r"(bbox|segm)_(ap|ap50|ap75|miou)(_std)?")
TEXT = {"method", "kind", "source", "dataset", "split"}


def rows_of(table: str) -> list[dict[str, str]]:
    with (FOLDER / table / "published.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.parent.name)
def test_every_row_is_well_formed(path: Path) -> None:
    rows = rows_of(path.parent.name)
    assert rows
    for row in rows:
        assert all(row[key] for key in ("method", "source", "split"))
        assert row["kind"] in KINDS
        assert re.fullmatch(r"\d*", row["shots"])
        figures = {key: text for key, text in row.items() if key not in TEXT | {"shots", "seeds"}}
        assert all(FIGURE.fullmatch(key) for key in figures)
        filled = {key: float(text) for key, text in figures.items() if text}
        assert any(not key.endswith("_std") for key in filled), row
        # Percent with one decimal, as printed.
        assert all(re.fullmatch(r"\d{1,2}\.\d", figures[key]) for key in filled), row
        assert all(key.removesuffix("_std") in filled for key in filled)
    keys = [tuple(row.get(key) for key in ("method", "dataset", "split", "shots")) for row in rows]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.parent.name)
def test_a_method_is_of_one_kind(path: Path) -> None:
    rows = rows_of(path.parent.name)
    assert len({(row["method"], row["kind"]) for row in rows}) == len({row["method"] for row in rows})


def test_every_table_is_there() -> None:
    counts = {path.parent.name: len(rows_of(path.parent.name)) for path in TABLES}
    assert counts == {
        "cd_fsod": 66,
        "coco20i": 12,
        "coco_fsod": 16,
        "custom": 1,
        "lvis": 3,
        "pascal_voc": 50,
        "seed_ablation": 4,
    }
    assert all((path.parent / "README.md").is_file() for path in TABLES)


def test_the_reports_reader_takes_them() -> None:
    figures = dict.fromkeys(("coco_fsod", "cd_fsod", "lvis", "seed_ablation"), "AP")
    figures |= {"pascal_voc": "AP50", "coco20i": "mIoU"}
    read = {table: read_published(FOLDER / table / "published.csv", figure) for table, figure in figures.items()}
    counts = {table: (len(with_shots(found)), len(found)) for table, found in read.items()}
    # Means over shots, and figures that are told without, stand beside no point.
    assert counts == {
        "pascal_voc": (46, 50),
        "coco_fsod": (24, 24),
        "cd_fsod": (66, 66),
        "seed_ablation": (8, 8),
        "lvis": (0, 3),
        "coco20i": (12, 12),
    }


def test_cocos_own_curve_is_complete() -> None:
    curve = [f for f in read_published(FOLDER / "coco_fsod" / "published.csv", "AP") if f.method == "No Time to Train"]
    expected = {(task, shots) for task in ("bbox", "segm") for shots in (1, 2, 3, 5, 10, 30)}
    assert {(figure.task, figure.shots) for figure in curve} == expected
    assert all(figure.std is not None for figure in curve)


def mean_over(rows: list[dict[str, str]], column: str, **same: str) -> float:
    values = [float(r[column]) for r in rows if all(r[k] == v for k, v in same.items())]
    return sum(values) / len(values)


def test_means_as_printed_are_the_means_of_their_rows() -> None:
    voc = rows_of("pascal_voc")
    for method in ("No Time to Train", "DE-ViT-B", "FSOD-VFM"):
        (printed,) = (float(row["bbox_ap50"]) for row in voc if row["method"] == method and row["split"] == "mean")
        mean = mean_over([row for row in voc if row["split"] != "mean"], "bbox_ap50", method=method)
        assert mean == pytest.approx(printed, abs=0.06)
    domains = rows_of("cd_fsod")
    each = [row for row in domains if row["dataset"] != "mean"]
    off = [
        (row["method"], row["shots"])
        for row in domains
        if row["dataset"] == "mean" and row["method"] in methods_with_rows(each)
        if abs(mean_over(each, "bbox_ap", method=row["method"], shots=row["shots"]) - float(row["bbox_ap"])) > 0.06
    ]
    assert off == [("No Time to Train", "5")]  # 22.4 is printed, the row gives 22.2; experiments/cd_fsod says so


def methods_with_rows(rows: list[dict[str, str]]) -> set[str]:
    return {row["method"] for row in rows}
