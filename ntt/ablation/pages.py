"""An ablation as a table: on the screen, CSV, Markdown and LaTeX. Figures in percent."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from ntt.ablation.figures import TASKS, Figure, Task

Rows = Sequence[tuple[str, dict[Task, Figure]]]

HEADER = ["setting", *(name for task in TASKS for name in (f"{task} AP", f"{task} difference"))]
REMARK = (
    "± is the sample standard deviation over seeds. Differences are to the baseline (first row), mean over seeds; in "
    "brackets the bootstrap's 95 % interval over images, both settings on the same draws; * leaves out zero."
)


def cells(name: str, figures: dict[Task, Figure]) -> list[str]:
    """One row as text."""
    line = [name]
    for task in TASKS:
        one = figures[task]
        line += [f"{one.mean:.1f}" + (f" ± {one.std:.1f}" if one.std is not None else ""), difference(one)]
    return line


def difference(one: Figure) -> str:
    """With its interval; a star where that leaves out zero."""
    if one.difference is None:
        return "-"
    if one.low is None:
        return f"{one.difference:+.1f}"
    return f"{one.difference:+.1f} [{one.low:+.1f}, {one.high:+.1f}]" + ("*" if one.clear else "")


def markdown(title: str, rows: Rows, picture: str) -> str:
    """The whole page."""
    lines = [HEADER, ["---", *["---:"] * (len(HEADER) - 1)]]
    for name, figures in rows:
        first, *rest = cells(name, figures)
        lines.append([f"`{first}`", *(text.replace("*", "\\*") for text in rest)])
    table = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    return f"# {title}\n\n{table}\n\n{REMARK}\n\n![Differences to the baseline](<{picture}>)\n".replace(
        "zero; *", "zero; \\*"
    )


def latex(rows: Rows) -> str:
    """A ``tabular`` for the booktabs package."""
    lines = [f"% {REMARK}", "% Needs \\usepackage{booktabs}.", f"\\begin{{tabular}}{{l{'r' * (len(HEADER) - 1)}}}"]
    lines += ["\\toprule", " & ".join(HEADER) + r" \\", "\\midrule"]
    for name, figures in rows:
        first, *rest = cells(name, figures)
        text = first.replace("_", r"\_")
        numbers = ["--" if cell == "-" else f"${cell}$".replace("±", r"\pm").replace("*", "^{*}") for cell in rest]
        lines.append(" & ".join([rf"\texttt{{{text}}}", *numbers]) + r" \\")
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}"]) + "\n"


def csv_table(rows: Rows, seeds: Sequence[int]) -> str:
    """A line for each setting and task, with every seed's figure."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["setting", "task", "mean", "std", "difference", "low", "high", *(f"seed {s}" for s in seeds)])
    for name, figures in rows:
        for task in TASKS:
            one = figures[task]
            numbers = [one.mean, one.std, one.difference, one.low, one.high, *one.seeds]
            writer.writerow([name, task, *("" if n is None else f"{n:.4f}" for n in numbers)])
    return text.getvalue()
