"""The settings of the memory; importing them costs no torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf

from ntt.errors import require, require_choice
from ntt.memory.kinds import Mean, MemoryKind

SHORTAGES = ("error", "take", "repeat", "invalid")


@dataclass
class Encoding:
    """How references are chosen and encoded; keys of every file in conf/memory."""

    context: float
    """Context around a reference's box, as a share of the box's longer side."""
    shortage: str
    """What to do with a class that has fewer valid references than asked for: error, take, repeat or invalid."""

    def __post_init__(self) -> None:
        require(0 <= self.context < inf, "memory.context", self.context, "a ratio of 0 or more")
        require_choice("memory.shortage", self.shortage, SHORTAGES)


@dataclass
class MemorySettings(Encoding):
    """From references to prototypes."""

    kind: MemoryKind = field(default_factory=Mean)
    """How the vectors of a class become its prototype."""
