"""The sweep of experiments/seed_ablation, as its README has it, on a miniature of COCO."""

from __future__ import annotations

from pathlib import Path

from miniatures import write_coco
from readme_sweeps import reports_of, run_report, run_sweep, sweeps_of

from ntt.data.splits import COCO_NOVEL
from ntt.sweeps.collect import collect


def test_seeds_are_swept_and_their_spread_reported(tmp_path: Path) -> None:
    write_coco(tmp_path / "coco", COCO_NOVEL, train=15, val=1)
    (words,), (report,) = sweeps_of("seed_ablation"), reports_of("seed_ablation")
    # The paper's ten come from the experiment itself.
    made = run_sweep(words, tmp_path, {"dataset.root": "coco", "shots": "1"})
    points = collect([made]).points
    assert sorted(point.seed for point in points) == [13, 27, 33, 36, 42, 55, 69, 77, 88, 99]
    assert {point.state for point in points} == {"complete"}
    table = (run_report(report, tmp_path, made) / "ap.md").read_text()
    assert "| novel | 1 | 10 |" in table
    assert " ± " in table
