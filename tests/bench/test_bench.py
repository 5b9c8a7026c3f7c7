"""The whole bench on the demo's sizes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from ntt.bench.__main__ import main

STAGES = ["encoder", "image encoder", "prompt decoding", "vectors", "final masks, RLE, overlaps", "matching"]
SMALL = ["--backbone", "dinov2_demo", "--segmenter", "sam2_demo", "--device", "cpu", "--threads", "1"]
QUICK = [*SMALL, "--points", "4", "--proposals", "20", "--evaluated", "2", "--repeats", "1"]


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bench")
    assert main([*QUICK, "--count", "2", "--out", str(folder / "table.md"), "--out", str(folder / "all.json")]) == 0
    return folder


def test_every_stage_is_measured_on_both_sides(measured: Path) -> None:
    figures = json.loads((measured / "all.json").read_text())

    assert [stage["stage"] for stage in figures["stages"]] == [*STAGES, "evaluation of 2 x 100"]
    for stage in figures["stages"][:4]:
        assert len(stage["plain"]["seconds"]) == len(stage["ours"]["seconds"]) == len(stage["agreement"]) == 2
        assert min(stage["plain"]["seconds"] + stage["ours"]["seconds"]) > 0
    assert figures["options"]["segmenter"] == "sam2_demo"


def test_at_fp32_both_sides_agree(measured: Path) -> None:
    agreement = {
        stage["stage"]: stage["agreement"][0] for stage in json.loads((measured / "all.json").read_text())["stages"]
    }

    # Half of the 16 prompts are kept, as asked for.
    assert agreement["prompt decoding"].startswith("same 8 masks")
    assert float(agreement["encoder"].split()[-1]) < 1e-4
    assert float(agreement["vectors"].split()[-1]) < 1e-4
    assert re.fullmatch(r"20 masks, 0 pixels differ; [1-9]\d* pairs, 0 differ", agreement["final masks, RLE, overlaps"])
    assert agreement["matching"].startswith("same ")
    assert agreement["evaluation of 2 x 100"] == "24 figures, largest difference 0.0e+00"


def test_the_table_names_its_command_and_machine(measured: Path) -> None:
    text = (measured / "table.md").read_text()

    rows = [line.split(" | ")[0].removeprefix("| ") for line in text.splitlines() if line.startswith("|")]
    assert rows == ["stage", "---", *STAGES, "evaluation of 2 x 100", "an image"]
    assert "`python -m ntt.bench --backbone dinov2_demo --segmenter sam2_demo" in text
    assert "1 threads" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--backbone", "dinov9"], r"--backbone dinov9 is unknown; choose one of .*dinov2_vitl14"),
        (["--backbone", "dinov3_vits16"], "--backbone dinov3_vits16 is no DINOv2"),
        (["--images", "/nowhere"], "--images /nowhere has no image"),
        (["--out", "table.txt"], r"--out table.txt: name a file ending in .md or .json"),
    ],
)
def test_what_cannot_be_measured_is_said_at_once(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*QUICK, *arguments]) == 2

    assert re.search(message, capsys.readouterr().err)
