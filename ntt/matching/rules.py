"""Merge rules: what becomes of a proposal that lies inside an earlier one of its class.

A rule's attributes are its own options, which its constructor takes; `matcher=NAME` chooses conf/matcher/NAME.yaml,
whose `_target_` names it. Importing the rules costs no torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ntt.errors import require

if TYPE_CHECKING:
    from torch import Tensor


class MergeRule:
    """Sees one class of one image at a time; either method may be left as it is."""

    looks: ClassVar[bool] = True
    """False spares the computation of coverages."""

    def redundancy(self, coverage: Tensor, units: Tensor) -> Tensor:
        """How superfluous each proposal is: its score is multiplied with ``sqrt(1 - redundancy)``.

        Args:
            coverage: float32 [n, n], proposals in NMS order: the share of mask i's pixels that the earlier mask j holds
                too, ``|Mi & Mj| / |Mi|`` for j < i, else 0.
            units: float32 [n, D], their vectors at length 1.

        Returns:
            float32 [n].
        """
        del units
        return coverage.new_zeros(len(coverage))

    def kept(self, coverage: Tensor, units: Tensor) -> Tensor:
        """Which proposals stay: bool [n]; arguments as of :meth:`redundancy`."""
        del units
        return coverage.new_ones(len(coverage)).bool()


@dataclass(frozen=True)
class Nothing(MergeRule):
    """No merging: scores are the similarities themselves (docs/method.md, section 6.1)."""

    looks = False


@dataclass(frozen=True)
class Soft(MergeRule):
    """The published rule: covered share times similarity (docs/method.md, section 5.4)."""

    def redundancy(self, coverage: Tensor, units: Tensor) -> Tensor:
        """See :func:`ntt.matching.merging.soft_redundancy`."""
        from ntt.matching.merging import soft_redundancy

        return soft_redundancy(coverage, units)


@dataclass(frozen=True)
class Hard(MergeRule):
    """A proposal inside an earlier one is dropped (docs/method.md, section 6.1)."""

    coverage: float = 1.0
    """Share of its pixels that a single earlier one must cover; 1.0 is "entirely"."""

    def __post_init__(self) -> None:
        require(0 < self.coverage <= 1, "matcher.coverage", self.coverage, "a number above 0 and up to 1")

    def kept(self, coverage: Tensor, units: Tensor) -> Tensor:
        """See :func:`ntt.matching.merging.swallowed`."""
        from ntt.matching.merging import swallowed

        del units
        return ~swallowed(coverage, self.coverage)


@dataclass(frozen=True)
class Diffusion(MergeRule):
    """Graph diffusion of FSOD-VFM (arXiv 2602.03137; docs/method.md, section 6.2)."""

    alpha: float = 0.3
    """Weight of the covering proposals' own redundancy against the covered share itself."""
    steps: int = 30
    """At most this many iterations."""
    tolerance: float = 1e-6
    """A class stops earlier once its values change by less than this (L2 norm)."""
    normalise: bool = False
    """Scale each proposal's covered shares to sum 1 (the paper) or not (its released code)."""

    def __post_init__(self) -> None:
        require(0 <= self.alpha <= 1, "matcher.alpha", self.alpha, "a number from 0 to 1")
        require(self.steps >= 1, "matcher.steps", self.steps, "a whole number of at least 1")
        require(self.tolerance >= 0, "matcher.tolerance", self.tolerance, "0 or a positive number")

    def redundancy(self, coverage: Tensor, units: Tensor) -> Tensor:
        """See :func:`ntt.matching.merging.diffusion_redundancy`."""
        from ntt.matching.merging import diffusion_redundancy

        del units
        return diffusion_redundancy(coverage, self.alpha, self.steps, self.tolerance, self.normalise)


RULES: dict[str, type[MergeRule]] = {"none": Nothing, "soft": Soft, "hard": Hard, "diffusion": Diffusion}
"""The rules that come with ntt, by the names of their files in conf/matcher."""
