"""The settings of the report; importing them costs no drawing."""

from __future__ import annotations

from dataclasses import dataclass

from ntt.errors import require


@dataclass
class ReportConfig:
    """What is drawn and written at the end; `published`: shots -> bbox and segm figures, in percent.

    `headline` is the figure that the published ones are, such as AP50; None for the protocol's first.
    """

    pictures: int
    score: float
    published: dict[int, dict[str, float]] | None = None
    headline: str | None = None

    def __post_init__(self) -> None:
        require(0 <= self.score <= 1, "report.score", self.score, "a score from 0 to 1")
        require(self.pictures >= 0, "report.pictures", self.pictures, "a number of images, 0 for none")
