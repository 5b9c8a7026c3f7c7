from __future__ import annotations

import csv
import io
from pathlib import Path
from statistics import stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from ntt.sweeps.collect import Point, Sweep
from ntt.sweeps.published import Published
from ntt.sweeps.summary import Row, missing_points, summarise, summarised_tasks
from ntt.sweeps.tables import cells, csv_points, csv_table, latex, markdown, screen_table, short_split

PAPER = [Published("Paper", "bbox", "novel", 1, 30.5, 1.5), Published("Paper", "bbox", "base", 1, 99.0, None)]


def point(shots: int, seed: int, ap: float | None, split: str = "novel", task: str = "bbox") -> Point:
    metrics = None if ap is None else {task: {"AP": ap}}
    return Point(shots, seed, split, Path(f"runs/{seed}"), metrics, "complete" if metrics else "no metrics.json")


def sweep(*points: Point) -> Sweep:
    return Sweep(["table"], list(points), [])


HALF = sweep(point(1, 33, 0.30), point(1, 42, 0.32), point(5, 33, 0.4), point(5, 42, None))


def test_mean_and_sample_deviation_in_percent() -> None:
    row = summarise(HALF, "bbox", "AP", PAPER)[0]
    assert row.mean == pytest.approx(31.0)
    assert row.std == pytest.approx(2**0.5)  # the population's would be 1.0
    assert (row.n, row.seeds, row.complete) == (2, 2, True)
    assert row.difference("Paper") == pytest.approx(0.5)


def test_an_incomplete_row_is_marked_and_one_seed_has_no_deviation() -> None:
    row = summarise(HALF, "bbox", "AP", PAPER)[1]
    assert (row.mean, row.std, row.n, row.seeds) == (pytest.approx(40.0), None, 1, 2)
    assert cells(row, ["Paper"]) == ["novel", "5", "1 of 2", "40.0*", "-", "-"]
    assert missing_points(HALF, "AP") == ["novel, 5-shot, seed 42: no metrics.json"]


def test_a_row_without_any_figure_is_kept() -> None:
    row = summarise(sweep(point(1, 33, None)), "segm", "AP", PAPER)[0]
    assert cells(row, []) == ["novel", "1", "0 of 1", "-*"]


def test_a_seed_that_other_shot_counts_have_is_missed() -> None:
    uneven = sweep(point(1, 33, 0.3), point(1, 42, 0.3), point(1, 13, 0.3), point(5, 42, 0.4), point(1, 7, 0.5, "base"))
    rows = {(row.split, row.shots): row for row in summarise(uneven, "bbox", "AP", [])}
    assert [rows[key].complete for key in (("novel", 1), ("novel", 5), ("base", 1))] == [True, False, True]
    assert missing_points(uneven, "AP") == ["novel, 5-shot, seeds 13, 33: not in the folders given"]


def test_the_mean_over_splits_stands_beside_a_published_one() -> None:
    theirs = [Published("Paper", "bbox", "mean", shots, 50.0, None) for shots in (1, 5)]
    some = sweep(point(1, 1, 0.3), point(1, 2, 0.5), point(1, 1, 0.6, "base"), point(5, 1, 0.9), point(2, 1, 0.9))
    row = summarise(some, "bbox", "AP", theirs)[-1]
    # Of the splits' own means, 40 and 60; at 5 shots one split is missing, at 2 nobody published anything.
    assert cells(row, ["Paper"]) == ["mean", "1", "1 of 2", "50.0*", "50.0", "0.0"]
    assert sum(row.split == "mean" for row in summarise(some, "bbox", "AP", theirs)) == 1
    assert all(row.split != "mean" for row in summarise(sweep(point(1, 1, 0.3)), "bbox", "AP", theirs))
    assert all(row.split != "mean" for row in summarise(some, "bbox", "AP", PAPER))


def test_figures_that_coco_could_not_measure_are_in_no_mean() -> None:
    some = sweep(point(1, 33, -1.0), point(1, 42, 0.2))
    row = summarise(some, "bbox", "AP", [])[0]
    assert (row.mean, row.n, row.complete) == (pytest.approx(20.0), 1, False)
    assert missing_points(some, "AP") == ["novel, 1-shot, seed 33: no bbox AP"]


def test_boxes_only_is_one_task() -> None:
    assert summarised_tasks(HALF) == ["bbox"]
    assert summarised_tasks(sweep(point(1, 33, None))) == ["bbox", "segm"]


def test_published_figures_stand_beside_their_own_split_and_shots_only() -> None:
    beside = sweep(point(1, 1, 0.3), point(2, 1, 0.3), point(1, 1, 0.3, "base"))
    shown = [cells(row, ["Paper"])[4:] for row in summarise(beside, "bbox", "AP", PAPER)]
    assert shown == [["99.0", "-69.0"], ["30.5 ± 1.5", "-0.5"], ["-", "-"]]
    assert summarise(beside, "segm", "AP", PAPER)[0].published == {}


@given(st.lists(st.floats(0, 1), min_size=2, max_size=12))
def test_a_shift_moves_the_mean_and_not_the_deviation(values: list[float]) -> None:
    plain = summarise(sweep(*(point(1, i, v / 2) for i, v in enumerate(values))), "bbox", "AP", [])[0]
    moved = summarise(sweep(*(point(1, i, v / 2 + 0.5) for i, v in enumerate(values))), "bbox", "AP", [])[0]
    assert plain.mean is not None
    assert moved.mean == pytest.approx(plain.mean + 50)
    assert moved.std == pytest.approx(plain.std, abs=1e-6)
    assert plain.std == pytest.approx(stdev(50 * v for v in values), abs=1e-6)


@pytest.mark.parametrize(("mean", "text"), [(30.54, "0.0"), (30.46, "0.0"), (30.6, "+0.1"), (20.0, "-10.5")])
def test_differences_have_a_sign_unless_they_round_to_nothing(mean: float, text: str) -> None:
    assert cells(Row("novel", 1, mean, None, 1, 1, {"Paper": PAPER[0]}), ["Paper"])[-1] == text


def test_the_csv_is_read_back_as_numbers() -> None:
    summary = {"bbox": summarise(HALF, "bbox", "AP", PAPER)}
    first, second = csv.DictReader(io.StringIO(csv_table("AP", summary, ["Paper"])))
    assert [float(first[key]) for key in ("mean", "std", "Paper", "Paper std", "Paper difference")] == pytest.approx(
        [31.0, 1.4142, 30.5, 1.5, 0.5]
    )
    assert (first["n"], first["seeds"], second["n"], second["seeds"]) == ("2", "2", "1", "2")
    assert (second["std"], second["Paper"], second["Paper difference"]) == ("", "", "")


def test_the_csv_of_points_has_every_point_with_its_state() -> None:
    rows = list(csv.DictReader(io.StringIO(csv_points(HALF, ["AP"]))))
    assert [(row["shots"], row["seed"], row["state"], row["bbox AP"], row["segm AP"]) for row in rows] == [
        ("1", "33", "complete", "30.0000", ""),
        ("1", "42", "complete", "32.0000", ""),
        ("5", "33", "complete", "40.0000", ""),
        ("5", "42", "no metrics.json", "", ""),
    ]


def test_markdown_has_a_table_per_task_and_the_remarks() -> None:
    page = markdown("table", "AP", {"bbox": summarise(HALF, "bbox", "AP", PAPER)}, ["Paper"], ["* a|b"], "ap.png")
    assert "| novel | 1 | 2 | 31.0 ± 1.4 | 30.5 ± 1.5 | +0.5 |" in page.splitlines()
    assert "| novel | 5 | 1 of 2 | 40.0\\* | - | - |" in page.splitlines()
    assert "\\* a\\|b" in page
    assert "](<ap.png>)" in page


def test_latex_sets_signs_as_mathematics_and_escapes_names() -> None:
    rows = summarise(sweep(point(1, 1, 0.3, "my_split"), point(1, 2, None, "my_split")), "bbox", "AP", [])
    lines = latex("AP", {"bbox": rows}, ["A & B"], ["first\n\nsecond"]).splitlines()
    assert lines[:2] == ["% first", "% second"]
    assert r"split & shots & n & ours & A \& B & diff. \\" in lines
    assert r"my\_split & $1$ & 1 of 2 & $30.0$\rlap{$^{*}$} & -- & -- \\" in lines
    both = latex("AP", {"bbox": summarise(HALF, "bbox", "AP", PAPER)}, ["Paper"], [])
    assert r"novel & $1$ & $2$ & $31.0 \pm 1.4$ & $30.5 \pm 1.5$ & $+0.5$ \\" in both.splitlines()


def test_the_screen_never_breaks_a_figure() -> None:
    console = Console(file=io.StringIO(), width=60)
    console.print(screen_table("bbox", "AP", summarise(HALF, "bbox", "AP", PAPER), ["Paper"]))
    assert "31.0 ± 1.4" in console.file.getvalue()  # type: ignore[attr-defined]


def test_long_lists_of_classes_are_shortened() -> None:
    assert short_split("novel") == "novel"
    assert short_split("cat, dog") == "cat, dog"
    assert short_split(", ".join(["potted plant"] * 20)) == "potted plant + 19 classes"
