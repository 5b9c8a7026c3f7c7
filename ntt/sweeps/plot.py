"""A sweep's means over shots with error bars, published curves beside them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from math import nan
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator

from ntt.reporting.tables import PSEUDO
from ntt.sweeps.published import Published
from ntt.sweeps.summary import Row
from ntt.sweeps.tables import Summary, short_split

# It tells at level INFO about every glyph it puts into a PDF.
logging.getLogger("fontTools").setLevel(logging.WARNING)

# Okabe and Ito's colours, told apart with every kind of colour vision; published curves are grey.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_PUBLISHED_COLOURS = ("#6E6E6E", "#A0A0A0", "#444444", "#BDBDBD")
_PUBLISHED_MARKERS = ("s", "^", "D", "v")
_STYLE: Any = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.axisbelow": True,
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.7,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "legend.title_fontsize": 8.5,
    "legend.handlelength": 2.8,
    "xtick.major.width": 0.8,
    "ytick.major.width": 0.0,
    "pdf.fonttype": 42,  # TrueType: conferences refuse type 3 fonts
    "svg.hashsalt": "ntt",  # equal figures give equal files
}
# The date of drawing is left out for the same reason.
_UNDATED: dict[str, dict[str, Any]] = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}, ".png": {}}
_OPEN: dict[str, Any] = {
    "linestyle": "none",
    "marker": "o",
    "markersize": 5.0,
    "markerfacecolor": "white",
    "markeredgewidth": 1.2,
    "zorder": 4,
}
# Curves are set apart by this factor on the logarithmic axis, so that error bars do not hide each other.
_APART = 1.08


def draw_sweep(summary: Summary, figure: str, published: Sequence[Published], files: Sequence[Path]) -> None:
    """Draw one panel per task and save it.

    A curve per split and per published method; error bars are standard deviations, rows with seeds missing have open
    markers.

    Args:
        summary: task, as tables call it, -> rows in percent.
        figure: what is drawn, such as ``AP``; names the vertical axis.
        published: figures in percent; those of splits that the sweep has are drawn, at all their shots, and as a line
            where they have none.
        files: where to, as .png, .svg or .pdf.
    """
    with rc_context(rc=_STYLE):
        canvas = Figure(figsize=(0.6 + 3.1 * len(summary), 3.2), layout="constrained")
        panels = canvas.subplots(1, len(summary), squeeze=False, sharey=True)[0]
        for axes, (task, rows) in zip(panels, summary.items(), strict=True):
            _panel(axes, rows, [other for other in published if other.task == task.removesuffix(PSEUDO)])
            axes.set_title(task, fontsize=10, fontweight="bold", loc="left")
            axes.set_xlabel("shots (references per class)")
        panels[0].set_ylabel(f"{figure} (%)")
        _legend(canvas, panels, complete=all(row.complete for rows in summary.values() for row in rows))
        for file in files:
            canvas.savefig(file, dpi=200, metadata=_UNDATED[file.suffix])


def _panel(axes: Axes, rows: Sequence[Row], published: Sequence[Published]) -> None:
    splits = list(dict.fromkeys(row.split for row in rows))
    lines = [other for other in published if other.split in splits and not other.shots]
    here = [other for other in published if other.split in splits and other.shots]
    theirs = list(dict.fromkeys((other.method, other.split) for other in here))
    middle = (len(theirs) + len(splits) - 1) / 2
    several = len(splits) > 1
    for place, split in enumerate(splits):
        _our_curve(
            axes,
            [row for row in rows if row.split == split and row.mean is not None],
            _COLOURS[place % len(_COLOURS)],
            _APART ** (len(theirs) + place - middle),
            f"ours, {short_split(split)}" if several else "ours",
        )
    for place, (method, split) in enumerate(theirs):
        _published_curve(
            axes,
            sorted((o for o in here if (o.method, o.split) == (method, split)), key=lambda o: o.shots),
            place,
            _APART ** (place - middle),
            f"{method}, {short_split(split)}" if several else method,
        )
    for place, other in enumerate(lines):
        colour = _PUBLISHED_COLOURS[(len(theirs) + place) % len(_PUBLISHED_COLOURS)]
        axes.axhline(other.mean, color=colour, linestyle=(0, (1, 2)), linewidth=1.2, label=other.method, zorder=1)
    _shots_axis(axes, sorted({row.shots for row in rows} | {other.shots for other in here}))


def _published_curve(axes: Axes, curve: Sequence[Published], place: int, shift: float, label: str) -> None:
    axes.errorbar(
        [other.shots * shift for other in curve],
        [other.mean for other in curve],
        yerr=[other.std or nan for other in curve],
        color=_PUBLISHED_COLOURS[place % len(_PUBLISHED_COLOURS)],
        marker=_PUBLISHED_MARKERS[place % len(_PUBLISHED_MARKERS)],
        linestyle=(0, (4, 2)),
        label=label,
        zorder=2,
        **_line(4.0),
    )


def _our_curve(axes: Axes, curve: Sequence[Row], colour: str, shift: float, label: str) -> None:
    """Filled markers where all seeds are in the mean, open ones elsewhere."""
    x = [row.shots * shift for row in curve]
    y = [row.mean or 0.0 for row in curve]
    axes.errorbar(
        x, y, yerr=[row.std or nan for row in curve], color=colour, marker="o", label=label, zorder=3, **_line(5.0)
    )
    open_ones = [place for place, row in enumerate(curve) if not row.complete]
    axes.plot([x[i] for i in open_ones], [y[i] for i in open_ones], color=colour, **_OPEN)


def _line(size: float) -> dict[str, Any]:
    return {"markersize": size, "linewidth": 1.4, "elinewidth": 1.0, "capsize": 2.5, "capthick": 1.0}


def _shots_axis(axes: Axes, shots: list[int]) -> None:
    axes.set_xscale("log")
    axes.set_xlim(shots[0] / 1.3, shots[-1] * 1.3)
    axes.xaxis.set_major_locator(FixedLocator(shots))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(shots, [str(number) for number in shots])
    axes.yaxis.set_major_locator(MaxNLocator(nbins=7, steps=[1, 2, 5, 10]))
    axes.grid(axis="y")


def _legend(canvas: Figure, panels: Sequence[Axes], complete: bool) -> None:
    """Below the panels, where it can hide no curve."""
    handles, labels = panels[0].get_legend_handles_labels()
    if not complete:
        handles.append(Line2D([], [], color="#555555", **_OPEN))
        labels.append("seeds missing")
    canvas.legend(
        handles,
        labels,
        loc="outside lower center",
        ncols=min(2 * len(panels), len(labels)),
        title="mean and standard deviation over seeds",
    )
