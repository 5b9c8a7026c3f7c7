"""How much each proposal resembles each class."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def unit_vectors(vectors: Tensor) -> Tensor:
    """float32 [N, D], the vectors at length 1; those of length 0 stay."""
    return F.normalize(vectors.float(), dim=1)


def class_cosines(units: Tensor, prototypes: Tensor) -> Tensor:
    """Cosine of every proposal with every class (docs/method.md, section 5.1).

    Args:
        units: [N, D] proposal vectors of length 1 (:func:`unit_vectors`).
        prototypes: [C, D] class prototypes, of any length; or [C, K, D], of which the best counts in each class.

    Returns:
        float32 [N, C].
    """
    if prototypes.ndim == 2:
        return units @ unit_vectors(prototypes).T
    classes, each, width = prototypes.shape
    return (units @ unit_vectors(prototypes.reshape(-1, width)).T).view(len(units), classes, each).amax(dim=2)
