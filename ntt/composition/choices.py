"""One choice of a config group, read without composing a run."""

from __future__ import annotations

from pathlib import Path

from omegaconf import DictConfig, OmegaConf


def read_choice(file: Path) -> DictConfig:
    """The options of one YAML of a group, with those of the files of its folder that its `defaults` begin with.

    Nothing is resolved: values may refer to other parts of a run.

    Args:
        file: such as conf/segmenter/sam2_hiera_tiny.yaml.
    """
    loaded = OmegaConf.load(file)
    own = loaded if isinstance(loaded, DictConfig) else DictConfig({})
    bases = [name for name in own.pop("defaults", []) if isinstance(name, str) and name != "_self_"]
    merged = OmegaConf.merge(*(read_choice(file.with_name(f"{name}.yaml")) for name in bases), own)
    assert isinstance(merged, DictConfig)
    return merged
