"""The settings of the report; importing them costs no drawing."""

from __future__ import annotations

from dataclasses import dataclass

from ntt.errors import require


@dataclass
class ReportConfig:
    """What is drawn and written at the end; `published`: shots -> bbox and segm AP, in percent."""

    pictures: int
    score: float
    published: dict[int, dict[str, float]] | None = None

    def __post_init__(self) -> None:
        require(self.pictures >= 0, "report.pictures", self.pictures, "a number of images, 0 for none")
