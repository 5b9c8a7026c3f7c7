"""The points that a Hydra sweep set out to run, whether or not they began."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser

from ntt.sweeps.hydra_internals import BASIC_SWEEPER


def planned_points(multirun: Mapping[str, Any], keys: tuple[str, ...]) -> list[dict[str, Any]]:
    """What the sweep assigns to each of its points.

    Args:
        multirun: contents of the sweep's multirun.yaml: the config without the swept values, Hydra's own part included.
        keys: options to return, such as ``shots`` or ``dataset.name``; one that the config lacks is empty.

    Returns:
        One dict from keys to values per point, in the order of the jobs. Empty for a sweeper that picks its points as
        it goes: it has no plan.
    """
    hydra = multirun["hydra"]
    if hydra["sweeper"]["_target_"] != BASIC_SWEEPER:
        return []
    parser = OverridesParser.create()
    swept = [f"{key}={value}" for key, value in (hydra["sweeper"].get("params") or {}).items()]
    choices: dict[str, list[Any]] = {}
    for override in parser.parse_overrides(swept + list(hydra["overrides"]["task"])):
        key = override.get_key_element()
        texts = override.sweep_string_iterator() if override.is_sweep_override() else [override.get_value_string()]
        if key in keys:
            # Read back by the parser that escaped them.
            choices[key] = [parser.parse_override(f"{key}={text}").value() for text in texts]
    values = [choices.get(key, [_at(multirun, key)]) for key in keys]
    return [dict(zip(keys, point, strict=True)) for point in product(*values)]


def _at(config: Any, key: str) -> Any:
    for part in key.split("."):
        config = config.get(part, "") if isinstance(config, Mapping) else ""
    return config
