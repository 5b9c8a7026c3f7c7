"""The settings of the matcher; importing them costs no torch."""

from __future__ import annotations

from dataclasses import dataclass

from ntt.errors import InputError

MERGES = ("soft", "none", "hard", "diffusion")


@dataclass
class MatchSettings:
    """How proposals become detections; the keys of the ``matcher`` config group.

    Raises:
        InputError: a value outside its range, naming the key, the value and what is allowed.
    """

    merge: str = "soft"
    """What happens to a proposal inside an earlier one of its class: soft, none, hard or diffusion."""
    nms_iou: float = 0.5
    """Box IoU above which the lower-ranked of two proposals of one class is dropped."""
    max_proposals: int = 800
    """Proposals of an image kept after NMS, by the segmenter's predicted IoU."""
    max_detections: int = 100
    """Detections of an image in the output, by score."""
    hard_coverage: float = 1.0
    """``merge: hard`` drops a proposal of which an earlier one covers at least this share."""
    diffusion_alpha: float = 0.3
    """``merge: diffusion``: weight of the neighbours' redundancy against a proposal's own."""
    diffusion_steps: int = 30
    """``merge: diffusion``: at most this many iterations."""
    diffusion_tolerance: float = 1e-6
    """``merge: diffusion``: stop when a class's values change by less."""
    diffusion_normalise: bool = False
    """``merge: diffusion``: row-normalise the coverage matrix (the paper) or not (the released code)."""

    def __post_init__(self) -> None:
        if self.merge not in MERGES:
            raise InputError(f"matcher.merge is {self.merge!r}; choose one of {', '.join(MERGES)}.")
        for key in ("nms_iou", "diffusion_alpha"):
            self._require(key, 0 <= getattr(self, key) <= 1, "a number from 0 to 1")
        self._require("hard_coverage", 0 < self.hard_coverage <= 1, "a number above 0 and up to 1")
        self._require("diffusion_tolerance", self.diffusion_tolerance >= 0, "0 or a positive number")
        for key in ("max_proposals", "max_detections", "diffusion_steps"):
            self._require(key, getattr(self, key) >= 1, "a whole number of at least 1")

    def _require(self, key: str, holds: bool, allowed: str) -> None:
        if not holds:
            raise InputError(f"matcher.{key} is {getattr(self, key)!r}; it must be {allowed}.")
