"""Several processes on one store share its work and agree on the result."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration


def test_two_runs_at_once_compute_each_proposal_once(first_run, coco, small_networks, tmp_path):
    cwd, _ = first_run
    options = ["+experiment=coco_1shot", f"dataset.root={coco}", "split=all", "store.shard_size=1", *small_networks]
    runs = [
        subprocess.Popen(
            [sys.executable, "-m", "ntt.run", *options, "device=cpu", f"hydra.run.dir=out{number}"],
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(2)
    ]
    logs = [run.communicate()[1] for run in runs]
    assert [run.returncode for run in runs] == [0, 0], logs
    computed = [int(re.search(r"proposals: .*computed (\d+)", log).group(1)) for log in logs]
    assert sum(computed) == 5, logs
    for kind in ("masks", "vectors"):
        shards = tmp_path / "outputs" / "store" / kind
        assert len(list(shards.iterdir())) == 5
        made = {json.loads(manifest.read_text())["key"] for manifest in shards.glob("*/manifest.json")}
        assert made == {path.name for path in shards.iterdir()}
    for number in range(2):
        for name in ("metrics.json", "predictions.json"):
            assert (tmp_path / f"out{number}" / name).read_bytes() == Path(cwd / "out" / name).read_bytes()


def test_torchrun_shares_one_run_among_its_processes(first_run, coco, small_networks, tmp_path):
    cwd, _ = first_run
    options = ["+experiment=coco_1shot", f"dataset.root={coco}", "split=all", "store.shard_size=1", *small_networks]
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node=2", "-m", "ntt.run"]
    done = subprocess.run(
        [*launcher, *options, "device=cpu"],
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (run,) = (tmp_path / "outputs" / "coco_1shot").iterdir()  # one folder for both
    shares = [json.loads((run / "ranks" / f"{rank}.json").read_text()) for rank in range(2)]
    assert [share["state"] for share in shares] == ["done", "done"]
    assert sum(share["stages"]["proposals"]["computed"] for share in shares) == 5
    assert "match" not in shares[1]["stages"]
    assert (run / "metrics.json").read_bytes() == (cwd / "out" / "metrics.json").read_bytes()
