"""A sweep's means as tables: on the screen, CSV, Markdown and LaTeX. Figures in percent, one decimal."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

from rich.table import Table

from ntt.reporting.tables import TASKS
from ntt.screen.text import plain
from ntt.sweeps.collect import Sweep
from ntt.sweeps.published import Published
from ntt.sweeps.summary import Row, percentage, swept_task_name

# Task, as tables call it, -> its rows.
Summary = Mapping[str, Sequence[Row]]

MARK = "*"
DEVIATION = "± is the sample standard deviation (n - 1) over seeds; a single seed has none."
PUBLISHED_DEVIATION = "A published ± is copied as printed, whichever deviation it is."
PSEUDO_TRUTH = "pseudo: the ground truth has boxes only, and the segmenter made its masks inside these; quote boxes."
INCOMPLETE = f"{MARK} Not every seed is in this mean; points.csv names the folders. Missing:"

_LATEX = str.maketrans(
    {character: f"\\{character}" for character in "&%$#_{}"}
    | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
)


def short_split(split: str, longest: int = 24) -> str:
    """The split's name; a long list of class names as its first name and the number of the others."""
    names = split.split(", ")
    return split if len(split) <= longest or len(names) == 1 else f"{names[0]} + {len(names) - 1} classes"


def header(methods: Sequence[str]) -> list[str]:
    """Column names of one task's table."""
    return ["split", "shots", "n", "ours", *(name for method in methods for name in (method, "diff."))]


def cells(row: Row, methods: Sequence[str]) -> list[str]:
    """One row of one task's table as text; what there is no figure for is ``-``."""
    ours = _figure(row.mean, row.std) + ("" if row.complete else MARK)
    line = [short_split(row.split), str(row.shots), str(row.n) if row.complete else f"{row.n} of {row.seeds}", ours]
    for method in methods:
        line += [_published(row.published.get(method)), _difference(row.difference(method))]
    return line


def screen_table(task: str, figure: str, rows: Sequence[Row], methods: Sequence[str]) -> Table:
    """One task for the terminal."""
    table = Table(title=plain(f"{task} {figure}, %"))
    lines = [cells(row, methods) for row in rows]
    for number, (name, column) in enumerate(zip(header(methods), zip(*lines, strict=True), strict=True)):
        table.add_column(
            plain(name),
            justify="left" if number == 0 else "right",
            style="bold" if name == "ours" else None,
            min_width=max(map(len, column)),
        )
    for line in lines:
        table.add_row(*map(plain, line))
    return table


def markdown(
    title: str, figure: str, summary: Summary, methods: Sequence[str], remarks: Sequence[str], picture: str
) -> str:
    """The whole page: a table per task, the picture, and the remarks."""
    parts = [f"# {title}", f"{figure} in percent, mean over seeds."]
    for task, rows in summary.items():
        rule = ["---"] + ["---:"] * (len(header(methods)) - 1)
        table = [header(methods), rule, *(cells(row, methods) for row in rows)]
        parts += [f"## {task}", "\n".join("| " + " | ".join(map(_markdown_cell, line)) + " |" for line in table)]
    parts += [f"![{figure} over shots](<{picture}>)", *map(_markdown_cell, remarks)]
    return "\n\n".join(parts) + "\n"


def latex(figure: str, summary: Summary, methods: Sequence[str], remarks: Sequence[str]) -> str:
    """A ``tabular`` for the booktabs package, one block of rows per task; the remarks are comments above it."""
    names = header(methods)
    lines = [f"% {remark}" for text in remarks for remark in text.splitlines() if remark]
    lines += [
        "% Needs \\usepackage{booktabs}.",
        f"\\begin{{tabular}}{{l{'r' * (len(names) - 1)}}}",
        "\\toprule",
    ]
    lines.append(" & ".join(name.translate(_LATEX) for name in names) + r" \\")
    for task, rows in summary.items():
        lines += ["\\midrule", rf"\multicolumn{{{len(names)}}}{{l}}{{\textit{{{task} {figure}}}}} \\"]
        lines += [" & ".join(_latex_cell(cell) for cell in cells(row, methods)) + r" \\" for row in rows]
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}"]) + "\n"


def csv_table(figure: str, summary: Summary, methods: Sequence[str]) -> str:
    """All rows of all tasks, in percent with four decimals; empty where there is no figure."""
    names = ["task", "figure", "split", "shots", "seeds", "n", "mean", "std"]
    names += [name for method in methods for name in (method, f"{method} std", f"{method} difference")]
    lines: list[list[str]] = [names]
    for task, rows in summary.items():
        for row in rows:
            line = [task, figure, row.split, str(row.shots), str(row.seeds), str(row.n), *_numbers(row.mean, row.std)]
            for method in methods:
                theirs = row.published.get(method)
                figures = (theirs.mean, theirs.std) if theirs else (None, None)
                line += _numbers(*figures, row.difference(method))
            lines.append(line)
    return _csv(lines)


def csv_points(sweep: Sweep, figures: Sequence[str]) -> str:
    """Every point of a sweep with its state, its folder and its own figures in percent."""
    names = [swept_task_name(sweep, task) for task in TASKS]
    lines = [["split", "shots", "seed", "state", "folder", *(f"{name} {key}" for name in names for key in figures)]]
    for point in sweep.points:
        line = [point.split, str(point.shots), str(point.seed), point.state, str(point.folder)]
        lines.append(line + _numbers(*(percentage(point, task, key) for task in TASKS for key in figures)))
    return _csv(lines)


def _figure(mean: float | None, std: float | None) -> str:
    if mean is None:
        return "-"
    return f"{mean:.1f}" if std is None else f"{mean:.1f} ± {std:.1f}"


def _published(published: Published | None) -> str:
    return "-" if published is None else _figure(published.mean, published.std)


def _difference(points: float | None) -> str:
    if points is None:
        return "-"
    rounded = round(points, 1)
    return f"{rounded:+.1f}" if rounded else "0.0"


def _numbers(*values: float | None) -> list[str]:
    return ["" if value is None else f"{value:.4f}" for value in values]


def _markdown_cell(text: str) -> str:
    return text.replace("|", "\\|").replace("*", "\\*")


def _latex_cell(cell: str) -> str:
    """Signs as mathematics, so that a minus is a minus and the mark does not widen its column."""
    text = cell.removesuffix(MARK)
    if text == "-":
        body = "--"
    elif set(text) <= set("0123456789.+-± "):
        body = f"${text}$".replace("±", r"\pm")
    else:
        body = text.translate(_LATEX)
    return body + (r"\rlap{$^{*}$}" if cell != text else "")


def _csv(lines: Iterable[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    return text.getvalue()
