"""How much each proposal resembles each class."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def unit_vectors(vectors: Tensor) -> Tensor:
    """float32 [N, D], the vectors at length 1; those of length 0 stay."""
    return F.normalize(vectors.float(), dim=1)


def best_classes(units: Tensor, prototypes: Tensor) -> tuple[Tensor, Tensor]:
    """Score and label of every proposal: its best class only (docs/method.md, section 5.1).

    The score is the cosine with the class's prototype, clamped at 0. Of equally good classes the first is
    taken, so a proposal that resembles none belongs to class 0 with score 0.

    Args:
        units: [N, D] proposal vectors of length 1 (:func:`unit_vectors`).
        prototypes: [C, D] class prototypes, of any length.

    Returns:
        scores: float32 [N] in [0, 1] up to rounding.
        labels: int64 [N] row of ``prototypes``.
    """
    cosines = units @ unit_vectors(prototypes).T  # [N, C]
    labels = cosines.argmax(dim=1)
    scores = cosines.gather(1, labels[:, None])[:, 0].clamp(min=0)
    return scores, torch.where(scores == 0, 0, labels)
