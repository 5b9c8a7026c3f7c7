"""All that ntt takes from inside Hydra and OmegaConf, where a new version may change it without a word.

Both are pinned to a minor version in pyproject.toml; whoever moves the pin looks here first. What each is for is said
where it is used: composing points once (:mod:`ntt.sweeps.composition`), pinning them (:mod:`ntt.sweeps.points`).
"""

from __future__ import annotations

from hydra._internal.config_loader_impl import ConfigLoaderImpl, get_overrides_dirname
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from omegaconf._utils import get_omega_conf_dumper

BASIC_SWEEPER = f"{BasicSweeper.__module__}.{BasicSweeper.__qualname__}"
"""How a config names the sweeper that runs every combination."""

__all__ = ["BASIC_SWEEPER", "BasicSweeper", "ConfigLoaderImpl", "get_omega_conf_dumper", "get_overrides_dirname"]
