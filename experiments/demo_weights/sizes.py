"""The sizes of the two small networks: what conf/ says about them, so that training and running never disagree."""

from __future__ import annotations

from pathlib import Path

from omegaconf import DictConfig, OmegaConf

_CONF = Path(__file__).resolve().parents[2] / "conf"


def encoder_config() -> DictConfig:
    """conf/backbone/dinov2_demo.yaml."""
    return _read("backbone/dinov2_demo.yaml")


def segmenter_config() -> DictConfig:
    """conf/segmenter/sam2_demo.yaml."""
    return _read("segmenter/sam2_demo.yaml")


def _read(name: str) -> DictConfig:
    config = OmegaConf.load(_CONF / name)
    assert isinstance(config, DictConfig)
    return config
