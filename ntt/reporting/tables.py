"""Metrics as text: COCO's familiar summary lines and rich tables.

``metrics`` everywhere is what ``ntt.evaluation`` returns and metrics.json holds: ``{"bbox": {"AP": ...},
"segm": {...}, "per_class": {name: {"bbox": {...}, "segm": {...}}}}``, fractions in [0, 1], -1 where there is
no value (no object of that size, for example). Which figures there are, the protocol says. Tasks in ``pseudo`` were
measured by ground truth that a program made; every table says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rich.table import Table

from ntt.screen.text import plain

Metrics = Mapping[str, Any]

TASKS = ("bbox", "segm")
PSEUDO = " (pseudo)"
COCO_COLUMNS = ("AP", "AP50", "AP75", "APs", "APm", "APl", "AR100")
COCO_CLASS_COLUMNS = ("AP", "AP50", "AP75")
# In which order figures of other protocols stand; those that are not named come after them. The first is what counts.
_ORDER = ("AP", "mIoU", "AP50", "AP75", "APr", "APc", "APf", "APs", "APm", "APl", "FBIoU")

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
    """The 12 summary lines COCO prints for each task it evaluated, each dozen under a line naming the task.

    None of a task that another protocol evaluated: the table has all of its figures.
    """
    lines = []
    for task in evaluated_tasks(metrics):
        if any(key not in metrics[task] for key, *_ in _SUMMARY):
            continue
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


def semantic_remark(metrics: Metrics) -> str | None:
    """The sentence that stands below a table of regions' IoU: by what protocol, and whose the true regions are."""
    measured = metrics.get("semantic")
    if not isinstance(measured, Mapping):
        return None
    whose = {"official": "the official COCO-20i masks", "instances": "masks joined from objects"}[measured["masks"]]
    return (
        f"Protocol {measured['protocol']}, by {whose}; detections count from a score of {measured['threshold']:g} on."
    )


def remarks(metrics: Metrics) -> list[str]:
    """The sentences that stand below a table."""
    return [remark for remark in (voc_remark(metrics), pseudo_remark(metrics), semantic_remark(metrics)) if remark]


def table_columns(metrics: Metrics) -> list[str]:
    """The figures that papers report: COCO's seven of its twelve, every one of another protocol's."""
    named = {key for task in evaluated_tasks(metrics) for key in metrics[task]}
    return list(COCO_COLUMNS) if named.issuperset(COCO_COLUMNS) else in_order(named)


def in_order(named: Iterable[str]) -> list[str]:
    """Names of figures as tables have them; the first is the protocol's own."""
    found = set(named)
    return [*(key for key in _ORDER if key in found), *sorted(found - {*_ORDER})]


def voc_remark(metrics: Metrics) -> str | None:
    """Box AP50 by VOC's own rule beside COCO's, in a sentence; None where that was not computed."""
    by_voc = metrics.get("bbox", {}).get("AP50voc")
    if by_voc is None:
        return None
    return (
        f"bbox AP50 by VOC 2007's rule (11 points) is {percent(by_voc)}; by COCO's (101 points), which the published "
        f"figures of No Time to Train and FSOD-VFM follow, {percent(metrics['bbox']['AP50'])}."
    )


def percent(fraction: float) -> str:
    """A fraction as percent with one decimal, ``"-"`` for COCO's "no value" (-1)."""
    return "-" if fraction < 0 else f"{100 * fraction:.1f}"


def metrics_table(metrics: Metrics, title: str | None = None) -> Table:
    """One row per task, the figures papers report, in percent."""
    table = Table(title=None if title is None else plain(title))
    table.add_column("")
    columns = table_columns(metrics)
    for number, key in enumerate(columns):
        table.add_column(key, justify="right", style=None if number else "bold")
    for task in evaluated_tasks(metrics):
        table.add_row(task_name(metrics, task), *(percent(metrics[task].get(key, -1)) for key in columns))
    return table


def class_header(metrics: Metrics) -> list[str]:
    """Column names of the per-class table: ``class``, ``bbox AP``, ..., ``segm AP75``."""
    return ["class"] + [f"{task_name(metrics, task)} {key}" for task, key in _class_columns(metrics)]


def _class_columns(metrics: Metrics) -> list[tuple[str, str]]:
    """Task and figure: COCO's three, or every one that classes have by another protocol."""
    columns = []
    for task in evaluated_tasks(metrics):
        named = {key for figures in metrics.get("per_class", {}).values() for key in figures.get(task, {})}
        known = named.issuperset(COCO_CLASS_COLUMNS) or not named
        columns += [(task, key) for key in (COCO_CLASS_COLUMNS if known else in_order(named))]
    return columns


def class_figures(metrics: Metrics) -> list[tuple[str, list[float]]]:
    """Per class its name and its figures (fractions, -1 for no value) in the order of ``class_header``."""
    columns = _class_columns(metrics)
    return [
        (name, [figures.get(task, {}).get(key, -1) for task, key in columns])
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
