"""The sweep of each folder of experiments/, executed as its README has it, on a miniature of its data set."""

from __future__ import annotations

from pathlib import Path

from miniatures import write_coco
from readme_sweeps import reports_of, run_report, run_sweep, sweeps_of

from ntt.data.splits import COCO_NOVEL
from ntt.sweeps.collect import collect


def test_coco_fsod(tmp_path: Path) -> None:
    write_coco(tmp_path / "coco", COCO_NOVEL, train=15, val=2)
    (words,), (report,) = sweeps_of("coco_fsod"), reports_of("coco_fsod")

    made = run_sweep(words, tmp_path, {"dataset.root": "coco", "shots": "1,2", "seed": "33,42"})

    points = collect([made]).points
    assert [(point.shots, point.seed, point.state) for point in points] == [
        (shots, seed, "complete") for shots in (1, 2) for seed in (33, 42)
    ]
    page = run_report(report, tmp_path, made)
    table = (page / "ap.md").read_text()
    assert "- training-free, proposals of an unchanged SAM: No Time to Train" in table  # kinds are told apart
    assert (page / "ap.png").stat().st_size > 1000
