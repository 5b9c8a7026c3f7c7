"""A forest plot: each setting's difference to the baseline with its interval, the baseline as a line."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure as Canvas

from ntt.ablation.figures import TASKS
from ntt.ablation.pages import Rows

# It tells at level INFO about every glyph it puts into a PDF.
logging.getLogger("fontTools").setLevel(logging.WARNING)

_COLOURS = {"bbox": "#0072B2", "segm": "#D55E00"}  # Okabe and Ito's
_UNDATED: dict[str, dict[str, Any]] = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}, ".png": {}}


def draw_forest(rows: Rows, files: Sequence[Path]) -> None:
    """Draw one panel per task; filled markers where the interval leaves out zero.

    Args:
        rows: the baseline first.
        files: where to, as .png, .svg or .pdf.
    """
    (_, base), others = rows[0], rows[1:]
    style: Any = {"font.size": 9, "svg.hashsalt": "ntt", "pdf.fonttype": 42}
    with rc_context(rc=style):
        canvas = Canvas(figsize=(8.5, 1.2 + 0.24 * max(1, len(others))), layout="constrained")
        panels = canvas.subplots(1, len(TASKS), squeeze=False, sharey=True)[0]
        for axes, task in zip(panels, TASKS, strict=True):
            axes.axvline(0, color="#444444", linewidth=1)
            for place, (_, figures) in enumerate(others):
                one, colour = figures[task], _COLOURS[task]
                if one.low is not None and one.high is not None:
                    axes.plot([one.low, one.high], [place, place], color=colour, linewidth=1.4)
                face = colour if one.clear else "white"
                axes.plot([one.difference], [place], marker="o", color=colour, markerfacecolor=face, markersize=5)
            axes.set_title(f"{task} AP, baseline {base[task].mean:.1f}", fontsize=10, loc="left")
            axes.set_xlabel("difference to the baseline, points")
            axes.set_yticks(range(len(others)), [name for name, _ in others])
            axes.set_ylim(len(others) - 0.5, -0.5)
            axes.grid(axis="x", color="#E4E4E4", linewidth=0.7)
        for file in files:
            canvas.savefig(file, dpi=150, metadata=_UNDATED[file.suffix])
