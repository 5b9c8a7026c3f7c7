"""The YAML files of conf/backbone describe Meta's released networks: eight of DINOv2, six of DINOv3."""

from __future__ import annotations

from dataclasses import fields
from inspect import signature
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hydra.utils import get_class
from omegaconf import OmegaConf

from ntt.backbones.settings import BackboneConfig
from ntt.composition.choices import read_choice

FOLDER = Path(__file__).resolve().parents[2] / "conf" / "backbone"
DINOV2 = sorted(FOLDER.glob("dinov2_vit*.yaml"))
DINOV3 = sorted(FOLDER.glob("dinov3_vit*.yaml"))


def resolved(file: Path) -> dict[str, Any]:
    values: Any = OmegaConf.to_container(OmegaConf.merge({"weights_dir": "W"}, read_choice(file)), resolve=True)
    del values["weights_dir"]
    return values


def commented(file: Path, key: str) -> bool:
    """Whether a comment stands over the key in this file."""
    pairs = pairwise(file.read_text().splitlines())
    return any(before.startswith("#") and line.startswith(f"{key}:") for before, line in pairs)


def test_all_sizes_are_there() -> None:
    assert {file.stem for file in DINOV2} == {f"dinov2_vit{size}14{kind}" for size in "sblg" for kind in ("", "_reg")}
    sizes = ("s16", "s16plus", "b16", "l16", "h16plus", "7b16")
    assert {file.stem for file in DINOV3} == {f"dinov3_vit{size}" for size in sizes}


@pytest.mark.parametrize("file", DINOV2 + DINOV3, ids=lambda file: file.stem)
def test_keys_are_those_of_the_config(file: Path) -> None:
    values = resolved(file)
    assert values.keys() == {field.name for field in fields(BackboneConfig)}
    config = BackboneConfig(**values)
    assert config.name == file.stem
    # The published grid, whatever the patches' side.
    assert config.image_size == 37 * config.patch_size
    # The constructor takes exactly these keys: nothing is configured that nobody reads.
    taken = signature(get_class(values.pop("_target_"))).parameters
    assert values.keys() <= taken.keys()


@pytest.mark.parametrize("file", DINOV2, ids=lambda file: file.stem)
def test_values_and_addresses_of_dinov2_agree(file: Path) -> None:
    config = BackboneConfig(**resolved(file))
    stem = file.stem.removesuffix("_reg")
    released = stem + ("_reg4" if config.registers else "") + "_pretrain.pth"
    assert config.weights == f"W/{released}"
    assert config.url == f"https://dl.fbaipublicfiles.com/dinov2/{stem}/{released}"
    # Heads of 64 channels everywhere, in Meta's networks of every size.
    assert config.width == 64 * config.heads
    assert (config.registers == 4) == file.stem.endswith("_reg") == ("with-registers" in str(config.hub_id))


@pytest.mark.parametrize("file", DINOV3, ids=lambda file: file.stem)
def test_values_and_addresses_of_dinov3_agree(file: Path) -> None:
    config = BackboneConfig(**resolved(file))
    assert config.weights.startswith(f"W/{file.stem}_pretrain_lvd1689m-")
    assert config.hub_id == f"facebook/{file.stem.replace('_', '-')}-pretrain-lvd1689m"
    assert config.width == (128 if "7b" in file.stem else 64) * config.heads
    assert (config.ffn == "swiglu") == ("plus" in file.stem or "7b" in file.stem)
    assert config.registers == 4


@pytest.mark.parametrize("file", DINOV2 + DINOV3, ids=lambda file: file.stem)
def test_every_key_has_a_comment(file: Path) -> None:
    base = file.with_name(f"{'dinov2_vitl14' if file in DINOV2 else 'dinov3_vitl16'}.yaml")
    for key in read_choice(file):
        assert commented(file, str(key)) or commented(base, str(key)), key
