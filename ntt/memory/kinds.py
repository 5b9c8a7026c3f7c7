"""Kinds of memory: from the references' vectors to one prototype a class.

A kind is a class with `prototypes`; `memory=NAME` chooses conf/memory/NAME.yaml, whose `_target_` names it. Importing
the kinds costs no torch.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


class MemoryKind(ABC):
    """Options of its own are attributes, which its constructor takes: a dataclass does both."""

    @abstractmethod
    def prototypes(self, vectors: Sequence[Tensor]) -> Tensor:
        """What each class is known by.

        Args:
            vectors: a float32 tensor [S_c, D] for each of C classes, S_c at least 1, not normalised.

        Returns:
            float32 [C, D], at length 1; or [C, K, D], of which the best counts in each class.
        """


@dataclass(frozen=True)
class Mean(MemoryKind):
    """The published kind: the plain mean of a class's vectors, at length 1 (docs/method.md, section 3)."""

    def prototypes(self, vectors: Sequence[Tensor]) -> Tensor:
        """See the class."""
        import torch
        import torch.nn.functional as F

        return F.normalize(torch.stack([some.mean(0) for some in vectors]), dim=-1)
