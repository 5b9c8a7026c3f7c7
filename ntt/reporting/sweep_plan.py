"""The points that a Hydra sweep set out to run, whether or not they began."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

_SWEEPER = "hydra._internal.core_plugins.basic_sweeper.BasicSweeper"


def planned_points(multirun: Mapping[str, Any], keys: tuple[str, ...]) -> list[dict[str, Any]]:
    """What the sweep assigns to each of its points.

    Args:
        multirun: contents of the sweep's multirun.yaml: the config without the swept values, Hydra's own part included.
        keys: top-level options to return, such as ``shots``.

    Returns:
        One dict from keys to values per point, in the order of the jobs. Empty for a sweeper that picks its points as
        it goes: it has no plan.
    """
    hydra = multirun["hydra"]
    if hydra["sweeper"]["_target_"] != _SWEEPER:
        return []
    swept = [f"{key}={value}" for key, value in (hydra["sweeper"].get("params") or {}).items()]
    choices: dict[str, list[str]] = {}
    for override in OverridesParser.create().parse_overrides(swept + list(hydra["overrides"]["task"])):
        values = override.sweep_string_iterator() if override.is_sweep_override() else [override.get_value_string()]
        choices[override.get_key_element()] = list(values)
    given = {key: choices.get(key, []) for key in keys}
    assignments = product(*([f"{key}={value}" for value in values] for key, values in given.items() if values))
    defaults = {key: multirun[key] for key in keys}
    return [defaults | _values(assignment) for assignment in assignments]


def _values(assignment: tuple[str, ...]) -> dict[str, Any]:
    values = OmegaConf.to_container(OmegaConf.from_dotlist(list(assignment)))
    assert isinstance(values, dict)
    return {str(key): value for key, value in values.items()}
