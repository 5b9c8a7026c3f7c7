"""Options that have moved, so that who writes an old name is told the new one."""

from __future__ import annotations

_MOVED = {
    "segmenter.points_per_side": "proposals.points_per_side",
    "segmenter.iou_threshold": "proposals.iou_threshold",
    "segmenter.prompts": "proposals=grid or proposals=adaptive",
    "segmenter.cover_iou": "proposals.cover_iou (of proposals=adaptive)",
    "segmenter.cover_area": "proposals.cover_area (of proposals=adaptive)",
    "dataset.generator": "dataset.format and the function as `prepare` of a reader (docs/extending.md)",
    "segmenter.resemblance": "proposals.resemblance (of proposals=adaptive)",
}


def moved(key: str) -> str | None:
    """One sentence with the new name of an option that once was called ``key``; None for others."""
    new = _MOVED.get(key)
    return f"{key} has moved: write {new} instead." if new else None
