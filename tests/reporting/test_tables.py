from __future__ import annotations

import contextlib
import io

import numpy as np
from rich.console import Console

from ntt.reporting.tables import (
    class_figures,
    class_header,
    coco_lines,
    metrics_table,
    per_class_table,
    percent,
)

KEYS = ("AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl")
STATS = [0.368, 0.5, 0.41, -1.0, 0.2, 0.613, 0.3, 0.45, 0.4999, -1.0, 0.33, 1.0]
BBOX = dict(zip(KEYS, STATS, strict=True))
SEGM = {key: value / 2 if value > 0 else value for key, value in BBOX.items()}
METRICS = {
    "bbox": BBOX,
    "segm": SEGM,
    "per_class": {"teddy bear": {"bbox": BBOX, "segm": SEGM}, "cat": {"bbox": SEGM, "segm": BBOX}},
}


def rendered(table: object) -> str:
    console = Console(file=io.StringIO(), width=200)
    console.print(table)
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_coco_lines_read_as_pycocotools_prints_them() -> None:
    from pycocotools.cocoeval import COCOeval

    evaluator = COCOeval(iouType="bbox")
    areas, limits = evaluator.params.areaRngLbl, evaluator.params.maxDets
    # What accumulate() leaves behind: IoUs x recalls x classes x areas x limits, -1 for no value.
    precision = np.full((10, 1, 1, 4, 3), -1.0)
    recall = np.full((10, 1, 4, 3), -1.0)
    recall[:, 0, areas.index("all"), limits.index(1)] = 0.25
    precision[:, 0, 0, areas.index("all"), limits.index(100)] = 0.368
    precision[0, 0, 0, areas.index("all"), limits.index(100)] = 0.9
    evaluator.eval = {"precision": precision, "recall": recall}
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        evaluator.summarize()
    figures = dict(zip(KEYS, evaluator.stats, strict=True))
    assert figures["AP50"] == 0.9
    assert coco_lines({"bbox": figures})[1:] == printed.getvalue().splitlines()


def test_each_task_has_its_dozen_lines_under_its_name() -> None:
    lines = coco_lines(METRICS)
    assert [i for i, line in enumerate(lines) if "annotation type" in line] == [0, 13]
    assert "*bbox*" in lines[0]
    assert "*segm*" in lines[13]
    assert lines[1].endswith("= 0.368")
    assert lines[14].endswith("= 0.184")
    assert len(coco_lines({"segm": SEGM})) == 13


def test_percent_has_one_decimal_and_a_dash_for_no_value() -> None:
    assert [percent(value) for value in (0.3684, 0.0, 1.0, -1.0)] == ["36.8", "0.0", "100.0", "-"]


def test_metrics_table_has_the_reported_columns_per_task() -> None:
    lines = rendered(metrics_table(METRICS)).splitlines()
    header = lines[1].replace("┃", " ").split()
    bbox = lines[3].replace("│", " ").split()
    assert header == ["AP", "AP50", "AP75", "APs", "APm", "APl", "AR100"]
    assert bbox == ["bbox", "36.8", "50.0", "41.0", "-", "20.0", "61.3", "50.0"]
    assert lines[4].replace("│", " ").split()[:2] == ["segm", "18.4"]


def test_per_class_rows_follow_the_header() -> None:
    assert class_header(METRICS) == [
        "class", "bbox AP", "bbox AP50", "bbox AP75", "segm AP", "segm AP50", "segm AP75",
    ]  # fmt: skip
    assert class_figures(METRICS)[0] == ("teddy bear", [0.368, 0.5, 0.41, 0.184, 0.25, 0.205])
    text = rendered(per_class_table(METRICS, title="per class"))
    assert text.index("per class") < text.index("teddy bear") < text.index("cat")
    assert "18.4" in text


def test_names_of_classes_are_text_and_no_markup() -> None:
    names = ["cup [/can]", "[bold]x[/bold]", "a\\[b]", "bell\x07\x1b[31m", ":smile:"]
    metrics = {"bbox": BBOX, "per_class": {name: {"bbox": BBOX} for name in names}}
    out = io.StringIO()
    Console(file=out, width=200).print(per_class_table(metrics, title="of [/x]"))
    shown = out.getvalue()
    for text in ("of [/x]", "cup [/can]", "[bold]x[/bold]", "a\\[b]", "bell\\x07\\x1b[31m", ":smile:"):
        assert text in shown
