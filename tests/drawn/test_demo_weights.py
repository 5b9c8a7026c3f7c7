"""The shipped networks: small, complete, and still as good on the novel classes as they were."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

FOLDER = Path(__file__).resolve().parents[2] / "ntt" / "demo_weights"
FILES = ("dinov2_demo.safetensors", "sam2_demo.safetensors")
# A little under what the weights reach on these twelve targets; see figures.json for all sixty.
FLOORS = {"bbox": 0.50, "segm": 0.62}


def test_both_files_are_half_precision_and_under_ten_megabytes_together() -> None:
    assert sum((FOLDER / name).stat().st_size for name in FILES) < 10e6
    for name in FILES:
        tensors = load_file(FOLDER / name)
        assert {tensor.dtype for tensor in tensors.values()} == {torch.float16}
        assert all(tensor.isfinite().all() for tensor in tensors.values())


def test_the_encoder_carries_metas_names() -> None:
    names = set(load_file(FOLDER / FILES[0]))
    assert {"pos_embed", "patch_embed.proj.weight", "blocks.0.attn.qkv.weight", "blocks.5.ls2.gamma"} <= names


def test_the_colour_baseline_gets_less_than_half_of_the_demo() -> None:
    figures = json.loads((FOLDER / "figures.json").read_text())
    demo, colour = figures["demo (10 shots, seed 33)"], figures["mean colour instead of features"]
    for key in ("bbox AP", "segm AP"):
        assert colour[key] < demo[key] / 2


@pytest.mark.slow
@pytest.mark.integration
def test_the_demo_has_not_become_worse(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ntt.run", "+experiment=demo", "dataset.limit=12", "report.pictures=0"]
    folders = {"dataset.root": "world", "store.root": "store", "hydra.run.dir": "run"}
    options = [f"{key}={tmp_path / name}" for key, name in folders.items()]
    subprocess.run([*command, *options], check=True, capture_output=True)
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    for kind, floor in FLOORS.items():
        assert metrics[kind]["AP"] >= floor
