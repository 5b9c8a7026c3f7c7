"""A stage of choice between match and evaluate: masks without stray pixels, and boxes that these do not stretch."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from ntt.errors import require
from ntt.refining.cleaning import Cleaning, cleaned
from ntt.stages.stage import RefineStage
from ntt.stages.workspace import Workspace


class Clean(RefineStage):
    """Off unless it is listed in ``stages`` (``+refine=clean``): published results have every pixel.

    Args:
        islands, holes, trim, whole_pixels: see :class:`ntt.refining.cleaning.Cleaning`.

    Raises:
        InputError: a value outside its range.
    """

    def __init__(self, islands: float = 0.5, holes: float = 0.0, trim: float = 0.0, whole_pixels: bool = True) -> None:
        for key, value in (("islands", islands), ("holes", holes)):
            require(0 <= value <= 1, f"stages: clean.{key}", value, "a number from 0 to 1")
        require(0 <= trim < 0.5, "stages: clean.trim", trim, "a number from 0 to less than 0.5")
        self.islands, self.holes, self.trim, self.whole_pixels = islands, holes, trim, whole_pixels

    def refine(self, predictions: list[dict[str, Any]], work: Workspace) -> list[dict[str, Any]]:
        """See :meth:`RefineStage.refine`."""
        del work
        return clean(predictions, Cleaning(self.islands, self.holes, self.trim, self.whole_pixels))


def clean(predictions: list[dict[str, Any]], how: Cleaning) -> list[dict[str, Any]]:
    """The same predictions in the same order with cleaned masks and boxes; those of an image are neighbours."""
    refined: list[dict[str, Any]] = []
    for _, group in groupby(predictions, key=lambda row: row["image_id"]):
        rows = list(group)
        masks, boxes = cleaned([row["segmentation"] for row in rows], how)
        refined += [{**row, "segmentation": m, "bbox": b} for row, m, b in zip(rows, masks, boxes, strict=True)]
    return refined
