"""Composing the points of a sweep: once, and then a copy of it for each point that differs in plain values only.

Hydra composes every point from all of conf/, three times over: here to pin it, in its sweeper to check it, in its
launcher to run it. For points that differ by `shots=` and `seed=` that is most of what they cost.
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig

from ntt.sweeps.hydra_internals import ConfigLoaderImpl, get_overrides_dirname


class PointComposer:
    """Stands in for a loader's `load_sweep_config`, with the same results.

    Pickled, as submitit does to send it to another host, it forgets what it composed: there conf/ is read anew.

    Args:
        loader: Hydra's, whose method it replaces (:func:`share_composition`).
    """

    def __init__(self, loader: ConfigLoader) -> None:
        self._loader = loader
        # Sweep, overrides and config of one point; pickled, for OmegaConf's own copies take five times as long.
        self._like: tuple[Any, list[Override], bytes] | None = None

    def __call__(self, master_config: DictConfig, sweep_overrides: list[str]) -> DictConfig:
        """The config of one point.

        Args:
            master_config: the sweep's, composed without what is swept.
            sweep_overrides: the point's.
        """
        parsed = OverridesParser.create().parse_overrides(sweep_overrides)
        if self._like and self._like[0] is master_config:
            _, others, pickled = self._like
            if self._differ_in_plain_values(others, parsed):
                return _with_values(pickled, others, parsed)
        composed = type(self._loader).load_sweep_config(self._loader, master_config, sweep_overrides)
        self._like = None
        # Hydra imports plugins twice, and then cannot find the class of a launcher's options again.
        with suppress(pickle.PicklingError):
            self._like = master_config, parsed, pickle.dumps(composed)
        return composed

    def _differ_in_plain_values(self, others: Sequence[Override], these: Sequence[Override]) -> bool:
        """Whether the overrides are the same but for values, that no other override touches, of keys of the run."""
        if [o.get_key_element() for o in others] != [o.get_key_element() for o in these]:
            return False
        changed = [new for old, new in zip(others, these, strict=True) if old.input_line != new.input_line]
        keys = [override.key_or_group for override in these]
        return all(
            isinstance(one.value(), str | int | float)
            and not (one.is_add() or one.is_force_add() or one.is_delete() or one.package)
            and not (one.is_hydra_override() or self._is_group(one.key_or_group))
            and sum(_overlap(one.key_or_group, key) for key in keys) == 1
            for one in changed
        )

    def _is_group(self, key: str) -> bool:
        return bool(self._loader.repository.group_exists(key))  # type: ignore[attr-defined]

    def __getstate__(self) -> dict[str, Any]:
        return {"_loader": self._loader, "_like": None}


def share_composition(loader: ConfigLoader) -> None:
    """Let the loader compose points that differ in plain values only once."""
    loader.load_sweep_config = PointComposer(loader)  # type: ignore[method-assign]


def _overlap(key: str, other: str) -> bool:
    return f"{key}.".startswith(f"{other}.") or f"{other}.".startswith(f"{key}.")


def _with_values(pickled: bytes, others: Sequence[Override], these: Sequence[Override]) -> DictConfig:
    config: DictConfig = pickle.loads(pickled)
    changed = [new for old, new in zip(others, these, strict=True) if old.input_line != new.input_line]
    ConfigLoaderImpl._apply_overrides_to_config(changed, config)
    tasks = [override for override in these if not override.is_hydra_override()]
    config.hydra.overrides.task = [override.input_line for override in tasks]
    naming = config.hydra.job.config.override_dirname
    config.hydra.job.override_dirname = get_overrides_dirname(
        overrides=tasks, kv_sep=naming.kv_sep, item_sep=naming.item_sep, exclude_keys=naming.exclude_keys
    )
    return config
