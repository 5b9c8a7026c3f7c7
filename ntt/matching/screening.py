"""The best class of each proposal among very many: found in bfloat16, decided in float32.

A product of all proposals with LVIS' 1203 prototypes takes most of an image's matching. In bfloat16 it takes a third
of that where a CPU multiplies in it, and how far it can be off is known: only classes that come so near to the best are
compared in float32. The class found is the best one in float32, whatever the vectors are.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ntt.matching.scores import unit_vectors

MANY = 256
"""Classes from which on it is worth it."""
_ROUNDED = 2.0**-9  # how far a bfloat16 is from the number it stands for, relative to that
_SUMMED = 1e-4  # more than what sums in float32 can be off
_CROWDED = 16  # classes near the best one, for each proposal, from which on all are compared


class ManyClasses:
    """Prototypes ready to be compared with.

    Args:
        prototypes: [C, D] of any length.
    """

    def __init__(self, prototypes: Tensor) -> None:
        self.units = unit_vectors(prototypes)
        self._rough = self.units.bfloat16()
        self._off = _distance(self.units, self._rough).max()

    def best(self, units: Tensor) -> tuple[Tensor, Tensor]:
        """The class with the highest cosine, the first of equal ones, and that cosine.

        Args:
            units: float32 [N, D] of length 1 or 0.

        Returns:
            int64 [N] rows of the prototypes and float32 [N].
        """
        rough = units.bfloat16()
        found = (rough @ self._rough.T).float()  # [N, C]
        # |u p - u' p'| <= |u - u'| |p| + |u'| |p - p'|, and the result is rounded once more; |u'| is 1.004 at most.
        off = _distance(units, rough) + 1.004 * self._off + 1.01 * _ROUNDED + _SUMMED
        near = found >= (found.amax(dim=1) - 2 * off)[:, None]
        rows, classes = near.nonzero(as_tuple=True)
        if len(rows) > _CROWDED * len(units):
            cosines, labels = (units @ self.units.T).max(dim=1)
            return labels, cosines
        cosines = torch.linalg.vecdot(units[rows], self.units[classes])
        highest = torch.full((len(units),), -torch.inf).scatter_reduce(0, rows, cosines, "amax")
        won = cosines == highest[rows]
        labels = torch.full((len(units),), len(self.units)).scatter_reduce(0, rows[won], classes[won], "amin")
        return labels, highest


def _distance(exact: Tensor, rough: Tensor) -> Tensor:
    return torch.linalg.vector_norm(exact - rough.float(), dim=1)
