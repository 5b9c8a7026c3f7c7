"""The options of conf/proposals: how the segmenter is prompted; importing them costs no torch."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from ntt.errors import require, require_choice

PROMPTS = ("grid", "adaptive")
_ADAPTIVE = ("cover_iou", "cover_area", "resemblance")


@dataclass
class ProposalSettings:
    """Which prompts the segmenter is given, and which of its masks become proposals.

    Raises:
        InputError: a value outside its range, or one that these prompts do not have.
    """

    prompts: str
    """Which of the grid's points are prompted: grid (all) or adaptive."""
    points_per_side: int
    """Points of the regular grid along each axis."""
    iou_threshold: float
    """A mask is kept when its predicted IoU is above this."""
    cover_iou: float | None = None
    """adaptive: a mask of a predicted IoU above this spares the points inside it a prompt ..."""
    cover_area: float | None = None
    """adaptive: ... when it covers at most this share of the image."""
    resemblance: float | None = None
    """adaptive: the share of the grid's points that are prompted for resembling a reference; None: none is asked."""

    def __post_init__(self) -> None:
        require_choice("proposals.prompts", self.prompts, PROMPTS)
        require(self.iou_threshold < 1, "proposals.iou_threshold", self.iou_threshold, "a number below 1")
        require(self.points_per_side > 0, "proposals.points_per_side", self.points_per_side, "a whole number above 0")
        for key in _ADAPTIVE:
            value = getattr(self, key)
            if self.prompts != "adaptive":
                require(value is None, f"proposals.{key}", value, "it with proposals=adaptive only")
            elif key != "resemblance":
                require(value is not None and 0 <= value <= 1, f"proposals.{key}", value, "a number from 0 to 1")
        share = self.resemblance
        require(share is None or 0 < share <= 1, "proposals.resemblance", share, "null, or a share above 0, at most 1")

    def options(self) -> dict[str, Any]:
        """The options that these prompts have: they determine the proposals, beside the networks and the image."""
        return {key: value for key, value in asdict(self).items() if self.prompts == "adaptive" or key not in _ADAPTIVE}
