"""The YAML files of conf/backbone describe Meta's eight released networks."""

from __future__ import annotations

from dataclasses import fields
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from ntt.config import BackboneConfig

FOLDER = Path(__file__).resolve().parents[2] / "conf" / "backbone"
FILES = sorted(FOLDER.glob("dinov2_vit*.yaml"))


def test_all_eight_are_there() -> None:
    expected = {f"dinov2_vit{size}14{kind}" for size in "sblg" for kind in ("", "_reg")}
    assert {file.stem for file in FILES} == expected


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_keys_values_and_addresses_agree(file: Path) -> None:
    values: Any = OmegaConf.to_container(OmegaConf.merge({"weights_dir": "W"}, OmegaConf.load(file)), resolve=True)
    del values["weights_dir"]
    assert values.keys() == {field.name for field in fields(BackboneConfig)}
    config = BackboneConfig(**values)
    assert config.name == file.stem
    stem = file.stem.removesuffix("_reg")
    released = stem + ("_reg4" if config.registers else "") + "_pretrain.pth"
    assert config.weights == f"W/{released}"
    assert config.url == f"https://dl.fbaipublicfiles.com/dinov2/{stem}/{released}"
    # Heads of 64 channels everywhere, in Meta's networks of every size.
    assert config.width == 64 * config.heads
    assert (config.registers == 4) == file.stem.endswith("_reg") == ("with-registers" in str(config.hub_id))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_key_has_a_comment(file: Path) -> None:
    lines = file.read_text().splitlines()
    for before, line in pairwise(lines):
        assert before.startswith("#") or line.startswith("#"), line
