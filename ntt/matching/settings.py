"""The settings of the matcher; importing them costs no torch."""

from __future__ import annotations

from dataclasses import dataclass, field

from ntt.errors import require
from ntt.matching.rules import MergeRule, Soft
from ntt.matching.scoring import Cosine, Scoring


@dataclass
class Limits:
    """What all merge rules have in common; keys of every file in conf/matcher."""

    nms_iou: float = 0.5
    """Box IoU above which the lower-ranked of two proposals of one class is dropped."""
    max_proposals: int = 800
    """Proposals of an image kept after NMS, by the segmenter's predicted IoU."""
    max_detections: int = 100
    """Detections of an image in the output, by score."""

    def __post_init__(self) -> None:
        require(0 <= self.nms_iou <= 1, "matcher.nms_iou", self.nms_iou, "a number from 0 to 1")
        for key in ("max_proposals", "max_detections"):
            require(getattr(self, key) >= 1, f"matcher.{key}", getattr(self, key), "a whole number of at least 1")


@dataclass
class MatchSettings(Limits):
    """How proposals become detections.

    Raises:
        InputError: a value outside its range, naming the key, the value and what is allowed.
    """

    rule: MergeRule = field(default_factory=Soft)
    """What happens to a proposal inside an earlier one of its class."""
    scoring: Scoring = field(default_factory=Cosine)
    """Which classes a proposal may be of, and how well."""
