"""COCO metrics as text: the familiar summary lines and rich tables.

``metrics`` everywhere is what ``ntt.evaluation`` returns and metrics.json holds: ``{"bbox": {"AP": ...},
"segm": {...}, "per_class": {name: {"bbox": {...}, "segm": {...}}}}``, fractions in [0, 1], -1 where COCO has
no value (no object of that size, for example). Tasks in ``pseudo`` were measured by ground truth that a program made;
every table says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from ntt.screen.text import plain

Metrics = Mapping[str, Any]

TASKS = ("bbox", "segm")
PSEUDO = " (pseudo)"
TABLE_COLUMNS = ("AP", "AP50", "AP75", "APs", "APm", "APl", "AR100")
CLASS_COLUMNS = ("AP", "AP50", "AP75")

# (key, IoU range, area, detections per image), in the order in which COCO prints them.
_SUMMARY = (
    ("AP", "0.50:0.95", "all", 100),
    ("AP50", "0.50", "all", 100),
    ("AP75", "0.75", "all", 100),
    ("APs", "0.50:0.95", "small", 100),
    ("APm", "0.50:0.95", "medium", 100),
    ("APl", "0.50:0.95", "large", 100),
    ("AR1", "0.50:0.95", "all", 1),
    ("AR10", "0.50:0.95", "all", 10),
    ("AR100", "0.50:0.95", "all", 100),
    ("ARs", "0.50:0.95", "small", 100),
    ("ARm", "0.50:0.95", "medium", 100),
    ("ARl", "0.50:0.95", "large", 100),
)


def coco_lines(metrics: Metrics) -> list[str]:
    """The 12 summary lines COCO prints for each evaluated task, each dozen under a line naming the task."""
    lines = []
    for task in evaluated_tasks(metrics):
        lines.append(f"Evaluate annotation type *{task_name(metrics, task)}*")
        for key, iou, area, detections in _SUMMARY:
            title, kind = ("Average Precision", "(AP)") if key.startswith("AP") else ("Average Recall", "(AR)")
            condition = f"IoU={iou:<9} | area={area:>6} | maxDets={detections:>3}"
            lines.append(f" {title:<18} {kind} @[ {condition} ] = {metrics[task][key]:0.3f}")
    return lines


def evaluated_tasks(metrics: Metrics) -> list[str]:
    """Those of ``bbox`` and ``segm`` that ``metrics`` has figures for."""
    return [task for task in TASKS if task in metrics]


def task_name(metrics: Metrics, task: str) -> str:
    """What tables call a task: ``segm (pseudo)`` where the masks of its ground truth were made, not annotated."""
    pseudo = metrics.get("pseudo")
    return f"{task}{PSEUDO}" if isinstance(pseudo, Mapping) and task in pseudo else task


def pseudo_remark(metrics: Metrics) -> str | None:
    """The sentence that stands below a table with pseudo figures; None for one without."""
    made = metrics.get("pseudo", {}).get("segm")
    if made is None:
        return None
    rest = f", {made['boxes']} of them no more than the box," if made["boxes"] else ""
    return (
        f"segm is pseudo: the ground truth has boxes only, and {made['made by']} made masks of its {made['objects']} "
        f"objects{rest} inside these. bbox AP is the figure to quote."
    )


def percent(fraction: float) -> str:
    """A fraction as percent with one decimal, ``"-"`` for COCO's "no value" (-1)."""
    return "-" if fraction < 0 else f"{100 * fraction:.1f}"


def metrics_table(metrics: Metrics, title: str | None = None) -> Table:
    """One row per task, the figures papers report, in percent."""
    table = Table(title=None if title is None else plain(title))
    table.add_column("")
    for key in TABLE_COLUMNS:
        table.add_column(key, justify="right", style="bold" if key == "AP" else None)
    for task in evaluated_tasks(metrics):
        table.add_row(task_name(metrics, task), *(percent(metrics[task][key]) for key in TABLE_COLUMNS))
    return table


def class_header(metrics: Metrics) -> list[str]:
    """Column names of the per-class table: ``class``, ``bbox AP``, ..., ``segm AP75``."""
    return ["class"] + [
        f"{task_name(metrics, task)} {key}" for task in evaluated_tasks(metrics) for key in CLASS_COLUMNS
    ]


def class_figures(metrics: Metrics) -> list[tuple[str, list[float]]]:
    """Per class its name and its figures (fractions, -1 for no value) in the order of ``class_header``."""
    tasks = evaluated_tasks(metrics)
    return [
        (name, [figures[task][key] for task in tasks for key in CLASS_COLUMNS])
        for name, figures in metrics.get("per_class", {}).items()
    ]


def per_class_table(metrics: Metrics, title: str | None = None) -> Table:
    """One row per class in the annotation file's order, in percent."""
    table = Table(title=None if title is None else plain(title))
    for name in class_header(metrics):
        table.add_column(name, justify="left" if name == "class" else "right")
    for name, figures in class_figures(metrics):
        table.add_row(plain(name), *map(percent, figures))
    return table
