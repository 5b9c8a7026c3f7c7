"""Options that have moved, so that who writes an old name is told the new one."""

from __future__ import annotations

import re
from collections.abc import Sequence

_MOVED = {
    "segmenter.points_per_side": "proposals.points_per_side",
    "segmenter.iou_threshold": "proposals.iou_threshold",
    "segmenter.prompts": "proposals=grid or proposals=adaptive",
    "segmenter.cover_iou": "proposals.cover_iou (of proposals=adaptive)",
    "segmenter.cover_area": "proposals.cover_area (of proposals=adaptive)",
    "dataset.generator": "dataset.format and the function as `prepare` of a reader (docs/extending.md)",
    "matcher.merge": "matcher=soft, none, hard or diffusion",
    "matcher.hard_coverage": "matcher.coverage (of matcher=hard)",
    "matcher.diffusion_alpha": "matcher.alpha (of matcher=diffusion)",
    "matcher.diffusion_steps": "matcher.steps (of matcher=diffusion)",
    "matcher.diffusion_tolerance": "matcher.tolerance (of matcher=diffusion)",
    "matcher.diffusion_normalise": "matcher.normalise (of matcher=diffusion)",
    "segmenter.resemblance": "proposals.resemblance (of proposals=adaptive)",
}


def moved(key: str) -> str | None:
    """One sentence with the new name of an option that once was called ``key``; None for others."""
    new = _MOVED.get(key)
    return f"{key} has moved: write {new} instead." if new else None


def with_present_names(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """A command line with the new names in the places of old ones, where only the name has changed.

    Returns:
        The command line, and what was renamed, a sentence each.
    """
    renamed, notes = [], []
    for argument in arguments:
        present = _present(argument)
        if present != argument:
            notes.append(f"{argument} is written {present} now")
        renamed.append(present)
    return renamed, notes


def _present(argument: str) -> str:
    plain = re.fullmatch(r"(\+{0,2})([\w.]+)=(.*)", argument, re.DOTALL)
    if not plain:
        return argument
    added, key, value = plain.groups()
    if key == "segmenter.prompts":
        return f"proposals={value}"
    if key == "dataset.generator":
        return f"{added}dataset.format=coco" if value == "null" else argument  # what is there, and nothing drawn
    new = re.match(r"proposals\.\w+", _MOVED.get(key, ""))
    return f"{added}{new.group()}={value}" if new else argument
