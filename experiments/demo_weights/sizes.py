"""The sizes of the two small networks: what conf/ says about them, so that training and running never disagree."""

from __future__ import annotations

from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from ntt.composition.choices import read_choice

_CONF = Path(__file__).resolve().parents[2] / "conf"


def encoder_config() -> DictConfig:
    """conf/backbone/dinov2_demo.yaml."""
    return _read("backbone/dinov2_demo.yaml")


def segmenter_config() -> DictConfig:
    """conf/segmenter/sam2_demo.yaml."""
    return _read("segmenter/sam2_demo.yaml")


def proposal_config() -> DictConfig:
    """conf/proposals/grid.yaml, with the number of points that the demo prompts."""
    demo = OmegaConf.load(_CONF / "experiment" / "demo.yaml")
    merged = OmegaConf.merge(_read("proposals/grid.yaml"), demo.proposals)
    assert isinstance(merged, DictConfig)
    return merged


def _read(name: str) -> DictConfig:
    return read_choice(_CONF / name)
