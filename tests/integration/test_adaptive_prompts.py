"""Prompts that depend on the references: another memory has proposals of its own, however many processes make them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import log_of, ntt, run_options

pytestmark = pytest.mark.integration
ADAPTIVE = ("proposals=adaptive", "proposals.cover_iou=0.5")
RESEMBLANCE = (*ADAPTIVE, "proposals.resemblance=0.1")


def shards(done: subprocess.CompletedProcess[str]) -> tuple[int, int]:
    """How many shards a run found and how many it computed."""
    found, computed = re.search(r"proposals: .*found (\d+), computed (\d+)", log_of(done)).groups()
    return int(found), int(computed)


@pytest.fixture(scope="module")
def resembling_run(coco, small_networks, tmp_path_factory) -> Path:
    cwd = tmp_path_factory.mktemp("resembling")
    assert shards(ntt(*run_options(coco, small_networks, *RESEMBLANCE), cwd=cwd)) == (0, 5)
    return cwd


def test_another_memory_has_proposals_of_its_own(resembling_run, coco, small_networks, tmp_path):
    store = f"store.root={resembling_run}/outputs/store"
    other_seed = run_options(coco, small_networks, store, "seed=42", *RESEMBLANCE)
    assert shards(ntt(*other_seed, cwd=tmp_path)) == (0, 5)
    assert shards(ntt(*other_seed, cwd=tmp_path)) == (5, 0)


def test_all_memories_share_the_proposals_that_ask_no_reference(resembling_run, coco, small_networks, tmp_path):
    store = f"store.root={resembling_run}/outputs/store"
    outcomes = [
        shards(ntt(*run_options(coco, small_networks, store, seed, *ADAPTIVE), cwd=tmp_path))
        for seed in ("seed=33", "seed=42")
    ]
    assert outcomes == [(0, 5), (5, 0)]


def test_every_process_of_a_run_knows_the_memory(resembling_run, coco, small_networks, tmp_path):
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node=2", "-m", "ntt.run"]
    done = subprocess.run(
        [*launcher, *run_options(coco, small_networks, *RESEMBLANCE)],
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    shares = [json.loads((tmp_path / "out" / "ranks" / f"{rank}.json").read_text()) for rank in range(2)]
    assert sum(share["stages"]["proposals"]["computed"] for share in shares) == 5
    assert "match" not in shares[1]["stages"]
    expected = (resembling_run / "out" / "predictions.json").read_bytes()
    assert (tmp_path / "out" / "predictions.json").read_bytes() == expected
