"""What is exported; the defaults and their meaning are in conf/config.yaml."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ntt.errors import require, require_choice

_NOT_FORMATS = ("__init__", "dataset", "protocol", "settings", "tracing")


def formats() -> list[str]:
    """The names of all formats: of the files beside this one."""
    return sorted(file.stem for file in Path(__file__).parent.glob("*.py") if file.stem not in _NOT_FORMATS)


@dataclass
class ExportConfig:
    """Formats, and what goes into them."""

    formats: list[str] = field(default_factory=list)
    threshold: float = 0.0
    tolerance: float = 1.0

    def __post_init__(self) -> None:
        for name in self.formats:
            require_choice("export.formats", name, formats())
        require(0 <= self.threshold <= 1, "export.threshold", self.threshold, "a score from 0 to 1")
        require(self.tolerance >= 0, "export.tolerance", self.tolerance, "a number of pixels of 0 or more")
