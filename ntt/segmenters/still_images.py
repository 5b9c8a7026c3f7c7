"""Whether an image's embedding is told of no earlier frames: SAM 2's `no_mem_embed` (docs/method.md, section 7).

SAM 2 was trained with this learnt vector added to the embedding of every image that has no memory, and its own image
predictor adds it. The published code prompts the plain embedding. Two keys say which: ``segmenter.no_mem_embed``, and
under SAM 2's own name ``segmenter.overrides.directly_add_no_mem_embed``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ntt.errors import InputError

OVERRIDE = "directly_add_no_mem_embed"


def first_given(*values: Any) -> Any:
    """The first value that is not None.

    For the YAML files: a default that gives way to another key. What the user writes replaces the whole
    interpolation, so that a default never contradicts the other key, and two written values can.
    """
    return next((value for value in values if value is not None), None)


def adds_no_mem_embed(no_mem_embed: bool | None, overrides: Mapping[str, Any]) -> bool | None:
    """What the two keys come to; None where neither says anything.

    Args:
        no_mem_embed: value of ``segmenter.no_mem_embed``.
        overrides: value of ``segmenter.overrides``, whose ``directly_add_no_mem_embed`` is None or absent if not given.

    Raises:
        InputError: the two contradict each other, or the override is neither true nor false.
    """
    override = overrides.get(OVERRIDE)
    if override is None:
        return no_mem_embed
    if not isinstance(override, bool):
        raise InputError(f"segmenter.overrides.{OVERRIDE}={override} is not possible: give true or false.")
    if no_mem_embed is not None and no_mem_embed != override:
        raise InputError(
            f"segmenter.no_mem_embed={str(no_mem_embed).lower()} and segmenter.overrides.{OVERRIDE}="
            f"{str(override).lower()} contradict each other: give one of them."
        )
    return override
