"""A run's report as Markdown: figures, classes and pictures on one page."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ntt.reporting.tables import (
    Metrics,
    class_figures,
    class_header,
    evaluated_tasks,
    percent,
    remarks,
    table_columns,
    task_name,
)
from ntt.screen.text import printable


def report_markdown(
    title: str,
    metrics: Metrics,
    published: Mapping[str, float] | None = None,
    pictures: Mapping[str, str] | None = None,
    left_out: Sequence[str] = (),
    headline: str | None = None,
) -> str:
    """The text of report.md.

    Args:
        title: heading.
        metrics: as described in ``ntt.reporting.tables``.
        published: a figure in percent per task to print beside ours, such as ``{"bbox": 36.8, "segm": 34.2}``.
        pictures: caption -> path relative to the report's folder.
        left_out: sentences about the input that was not used as it is.
        headline: which figure the published ones are; None: the first.
    """
    published = published or {}
    columns = table_columns(metrics)
    header = ["", *columns] + ([f"published {headline or columns[0]}"] if published else [])
    rows = []
    for task in evaluated_tasks(metrics):
        row = [task_name(metrics, task), *(percent(metrics[task].get(key, -1)) for key in columns)]
        if published:
            row.append(f"{published[task]:.1f}" if task in published else "-")
        rows.append(row)
    parts = [f"# {_escaped(title)}", "All figures in percent.", _table(header, rows)]
    parts += map(_escaped, remarks(metrics))

    classes = class_figures(metrics)
    if classes:
        cells = [[name, *map(percent, figures)] for name, figures in classes]
        parts += ["## Per class", _table(class_header(metrics), cells)]
    if left_out:
        parts += ["## Left out or derived", "\n".join(f"- {_escaped(sentence)}" for sentence in left_out)]
    if pictures:
        # Angle brackets: a path may have spaces.
        parts += [
            "## Pictures",
            *(f"![{_escaped(caption)}](<{printable(path)}>)" for caption, path in pictures.items()),
        ]
    return "\n\n".join(parts) + "\n"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, first column left-aligned, the others right-aligned."""
    rule = ["---"] + ["---:"] * (len(header) - 1)
    return "\n".join("| " + " | ".join(map(_escaped, row)) + " |" for row in (header, rule, *rows))


def _escaped(text: str) -> str:
    """The user's text in Markdown: brackets, stars and bars of a name are letters."""
    return re.sub(r"([\\`*\[\]<>|])", r"\\\1", printable(text))
