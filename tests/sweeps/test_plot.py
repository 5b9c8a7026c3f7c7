from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure
from PIL import Image

from ntt.sweeps import plot as sweep_plot
from ntt.sweeps.plot import draw_sweep
from ntt.sweeps.published import Published
from ntt.sweeps.summary import Row

ROWS = [
    Row("novel", 1, 25.0, 1.5, 10, 10, {}),
    Row("novel", 5, 34.0, None, 1, 10, {}),
    Row("novel", 30, None, None, 0, 10, {}),
]
PAPER = [Published("Paper", "bbox", "novel", shots, 24.0 + shots, 1.0) for shots in (10, 1)]


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """Every figure that is drawn, open for inspection."""
    figures: list[Figure] = []

    class Recorded(Figure):
        def savefig(self, *_args: object, **_options: object) -> None:
            figures.append(self)

    monkeypatch.setattr(sweep_plot, "Figure", Recorded)
    return figures


def test_the_three_formats_are_written(tmp_path: Path) -> None:
    files = [tmp_path / f"ap.{kind}" for kind in ("png", "svg", "pdf")]
    draw_sweep({"bbox": ROWS, "segm": ROWS}, "AP", PAPER, files)
    with Image.open(files[0]) as picture:
        assert picture.width > 1000
        assert len(np.unique(np.asarray(picture.convert("RGB")).reshape(-1, 3), axis=0)) > 10
    assert b"<svg" in files[1].read_bytes()
    assert files[2].read_bytes().startswith(b"%PDF")


def test_equal_figures_give_equal_files(tmp_path: Path) -> None:
    for name in ("a", "b"):
        draw_sweep({"bbox": ROWS}, "AP", PAPER, [tmp_path / f"{name}.{kind}" for kind in ("png", "svg", "pdf")])
    for kind in ("png", "svg", "pdf"):
        assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()


def test_bars_are_the_deviations_and_empty_rows_are_not_drawn(drawn: list[Figure]) -> None:
    draw_sweep({"bbox": ROWS}, "AP", PAPER, [Path("ap.png")])
    (axes,) = drawn[0].axes
    ours, theirs = (item for item in axes.containers if isinstance(item, ErrorbarContainer))
    assert (ours.get_label(), theirs.get_label()) == ("ours", "Paper")
    assert np.asarray(ours.lines[0].get_ydata()).tolist() == [25.0, 34.0]
    first, second = ours.lines[2][0].get_segments()
    assert [y for _, y in first] == [23.5, 26.5]
    assert all(np.isnan(y) for _, y in second)  # one seed has no bar
    assert np.asarray(theirs.lines[0].get_ydata()).tolist() == [25.0, 34.0]  # in the order of shots
    assert [text.get_text() for text in axes.get_xticklabels()] == ["1", "5", "10", "30"]


def test_rows_with_seeds_missing_have_open_markers(drawn: list[Figure]) -> None:
    draw_sweep({"bbox": ROWS}, "AP", [], [Path("ap.png")])
    draw_sweep({"bbox": ROWS[:1]}, "AP", [], [Path("ap.png")])
    whites = [
        [
            np.asarray(line.get_ydata()).tolist()
            for line in figure.axes[0].lines
            if line.get_markerfacecolor() == "white"
        ]
        for figure in drawn
    ]
    assert whites == [[[34.0]], [[]]]
    legends = [[text.get_text() for text in figure.legends[0].get_texts()] for figure in drawn]
    assert legends == [["ours", "seeds missing"], ["ours"]]
