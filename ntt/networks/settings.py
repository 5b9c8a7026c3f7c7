"""The options of a network of one's own: a class outside ntt that conf/backbone or conf/segmenter names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ntt.errors import InputError

ABOUT = ("_target_", "name", "weights", "url", "hub_id")
"""Keys that say where a network is or what it is called, not what it computes."""


@dataclass
class OwnNetwork:
    """What its YAML says; every key but `_target_` is an argument of its constructor, if that takes it."""

    _target_: str
    name: str
    weights: str | None
    url: str | None
    hub_id: str | None
    image_size: int | None
    options: dict[str, Any]

    @staticmethod
    def of(options: Mapping[str, Any], key: str) -> OwnNetwork:
        """From the group's options.

        Raises:
            InputError: `weights` is no text.
        """
        weights = options.get("weights")
        if weights is not None and not isinstance(weights, str):
            raise InputError(f"{key}.weights={weights} is not possible: give a path, or leave it out.")
        target = str(options["_target_"])
        return OwnNetwork(
            target,
            str(options.get("name") or target.rpartition(".")[2]),
            weights,
            options.get("url"),
            options.get("hub_id"),
            options.get("image_size"),
            {name: value for name, value in options.items() if name != "_target_"},
        )
