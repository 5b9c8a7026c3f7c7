"""A choice read alone has the values that a run composes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from ntt.composition.choices import read_choice
from ntt.run import conf_folder

GROUPS = ("backbone", "segmenter", "proposals", "matcher")
FILES = [file for group in GROUPS for file in sorted((conf_folder() / group).glob("*.yaml"))]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_it_is_what_hydra_composes(file: Path) -> None:
    group = file.parent.name
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        composed = compose("config", overrides=[f"{group}={file.stem}"])

    assert OmegaConf.to_container(read_choice(file)) == OmegaConf.to_container(composed[group])
