"""Kinds of memory beyond the mean (docs/ahead.md, section 3); those with several prototypes a class give [C, K, D].

Where classes have different numbers of prototypes, theirs are repeated: only the best of a class counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ntt.errors import require
from ntt.memory.kinds import MemoryKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


@dataclass(frozen=True)
class Nearest(MemoryKind):
    """Every reference is a prototype: a class's score is the cosine with its nearest reference.

    With ``mean`` each is drawn towards the class: ``P_cs = (1 - mean) v_s / |v_s| + mean m_c``, m_c the published
    prototype.
    """

    mean: float = 0.0
    """Weight of the class's mean: 0 the reference alone, 1 the published kind."""

    def __post_init__(self) -> None:
        require(0 <= self.mean <= 1, "memory.mean", self.mean, "a number from 0 to 1")

    def prototypes(self, vectors: Sequence[Tensor]) -> Tensor:
        """[C, K, D], K the most references of a class."""
        import torch.nn.functional as F

        centres = [F.normalize(some.mean(0), dim=0) for some in vectors]
        pairs = zip(vectors, centres, strict=True)
        return _padded([(1 - self.mean) * F.normalize(some, dim=1) + self.mean * centre for some, centre in pairs])


@dataclass(frozen=True)
class Parts(MemoryKind):
    """k-means inside each class, from its first references on: a prototype for each view or kind of the object."""

    parts: int = 3
    """Clusters of a class at most; 1 is the published kind but for the references' lengths."""
    steps: int = 20
    """Iterations."""

    def __post_init__(self) -> None:
        require(self.parts >= 1, "memory.parts", self.parts, "a whole number of at least 1")
        require(self.steps >= 1, "memory.steps", self.steps, "a whole number of at least 1")

    def prototypes(self, vectors: Sequence[Tensor]) -> Tensor:
        """[C, K, D], K the most clusters of a class."""
        return _padded([self._centres(some) for some in vectors])

    def _centres(self, vectors: Tensor) -> Tensor:
        import torch
        import torch.nn.functional as F

        units = F.normalize(vectors, dim=1)
        chosen = [0]  # then always the one that resembles the chosen ones least: no chance is in it
        while len(chosen) < min(self.parts, len(units)):
            chosen.append(int((units @ units[chosen].T).amax(1).argmin()))
        centres = units[chosen]
        for _ in range(self.steps):
            nearest = (units @ centres.T).argmax(1)
            sums = torch.zeros_like(centres).index_add_(0, nearest, units)
            centres = F.normalize(torch.where(sums.any(1, keepdim=True), sums, centres), dim=1)
        return centres


@dataclass(frozen=True)
class Whitened(MemoryKind):
    """Directions that tell the classes apart: ``P_c = S^-1 (m_c - m)``, Fisher's discriminants of the references.

    m_c is the mean of a class's unit vectors, m that of all m_c, and S the covariance inside the classes, shrunk
    towards a multiple of the identity: ``(1 - shrinkage) S + shrinkage tr(S) / D I``.
    """

    shrinkage: float = 0.5
    """Towards the identity; at 1 the covariance has no part in it, only m has."""

    def __post_init__(self) -> None:
        require(0 < self.shrinkage <= 1, "memory.shrinkage", self.shrinkage, "a number above 0 and up to 1")

    def prototypes(self, vectors: Sequence[Tensor]) -> Tensor:
        """[C, D]; with one class, or one reference a class, there is less to know and m or S falls away."""
        import torch
        import torch.nn.functional as F

        units = [F.normalize(some.double(), dim=1) for some in vectors]
        means = torch.stack([some.mean(0) for some in units])
        spread = torch.cat([some - mean for some, mean in zip(units, means, strict=True)])
        covariance = spread.T @ spread / len(spread)
        level = covariance.trace() / len(covariance)
        identity = torch.eye(len(covariance), dtype=means.dtype)
        if level < 1e-12:
            covariance, level = identity, torch.ones_like(level)
        shrunk = (1 - self.shrinkage) * covariance + self.shrinkage * level * identity
        centred = means - means.mean(0) if len(means) > 1 else means
        return F.normalize(torch.linalg.solve(shrunk, centred.T).T, dim=1).float()


def _padded(classes: Sequence[Tensor]) -> Tensor:
    """[C, K, D] at length 1, of tensors [K_c, D]."""
    import torch
    import torch.nn.functional as F

    most = max(map(len, classes))
    return F.normalize(torch.stack([some[torch.arange(most) % len(some)] for some in classes]), dim=-1)
