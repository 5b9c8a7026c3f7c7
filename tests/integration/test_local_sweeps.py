"""Sweeps on this machine, side by side: with -m, and submitted and left."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from command_line import ntt

pytestmark = pytest.mark.integration
LAUNCHER = ["hydra/launcher=local_parallel", "hydra.launcher.n_jobs=2", "seed=33,42", "hydra.sweep.dir=sweep"]


@pytest.fixture(scope="module")
def options(coco, small_networks) -> list[str]:
    one = ["+experiment=coco_1shot", f"dataset.root={coco}", "split=all", "store.shard_size=1", "report.pictures=12"]
    return [*one, *small_networks, "device=cpu"]


def test_points_side_by_side_are_what_they_are_alone(first_run, options, tmp_path):
    cwd, _ = first_run
    done = ntt("-m", *options, *LAUNCHER, f"store.root={cwd}/outputs/store", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    alone = cwd / "out"
    for name in ("metrics.json", "predictions.json"):
        assert (tmp_path / "sweep" / "0" / name).read_bytes() == (alone / name).read_bytes()
    assert "2 done" in ntt("sweep", "status", "sweep", cwd=tmp_path).stdout


def test_a_sweep_is_submitted_left_and_resumed_where_it_failed(first_run, options, tmp_path):
    cwd, _ = first_run
    store = f"store.root={cwd}/outputs/store"
    # The second point's folder cannot be made, so that point fails.
    (tmp_path / "sweep").mkdir()
    (tmp_path / "sweep" / "1").write_text("in the way")
    submitted = ntt("sweep", "submit", *options, *LAUNCHER, store, cwd=tmp_path)
    assert submitted.returncode == 0, submitted.stderr
    table = left_to_itself(tmp_path)
    assert "1 done, 1 missing" in table, table
    (tmp_path / "sweep" / "1").unlink()
    resumed = ntt("sweep", "resume", "sweep", cwd=tmp_path)
    assert "1 points submitted" in resumed.stdout, resumed.stderr
    table = left_to_itself(tmp_path)
    assert "2 done" in table, table
    assert (tmp_path / "sweep/0/metrics.json").read_bytes() == (cwd / "out/metrics.json").read_bytes()
    assert ntt("sweep", "resume", "sweep", cwd=tmp_path).stdout == "nothing to do\n"
    started = time.monotonic()
    while not (tmp_path / "sweep/report/ap.csv").exists():
        assert time.monotonic() - started < 60, (tmp_path / "sweep/sweep.log").read_text()
        time.sleep(0.5)


def left_to_itself(cwd: Path) -> str:
    """The table when nothing of the sweep runs or waits any more."""
    started = time.monotonic()
    while True:
        table = ntt("sweep", "status", "sweep", cwd=cwd).stdout
        if not any(word in table for word in ("running", "queued")):
            return table
        assert time.monotonic() - started < 200, table
        time.sleep(1)
