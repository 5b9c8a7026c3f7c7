"""At which score do references come apart from the other classes? A first guess at a threshold."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ntt.memory.bank import MemoryBank


@dataclass(frozen=True)
class Separation:
    """A score, and how well it does.

    Attributes:
        score: the middle of the best interval.
        accuracy: the mean of two shares: of references whose own class scores at least this much, and of (reference,
            other class) pairs that score less.
    """

    score: float
    accuracy: float


def separating_score(bank: MemoryBank) -> Separation | None:
    """Leave one out: each reference is compared with its class's prototype made of the others, and with all other
    classes' prototypes; the score that best separates the first kind of cosine from the second.

    The scores of detections are cosines as well, with proposals' vectors and after merging, which lowers some: this is
    where to begin looking, not more.

    Returns:
        None where there is nothing to separate: one class, or no class of two references.
    """
    own, others = _cosines(bank)
    if not len(own) or not len(others):
        return None
    edges = torch.cat([own, others]).sort().values
    accuracy = ((own[None] >= edges[:, None]).float().mean(1) + (others[None] < edges[:, None]).float().mean(1)) / 2
    best = int(accuracy.argmax())  # all scores above the edge before are as good
    below = float(edges[best - 1]) if best else float(edges[best])
    return Separation((below + float(edges[best])) / 2, float(accuracy[best]))


def _cosines(bank: MemoryBank) -> tuple[Tensor, Tensor]:
    prototypes = bank.prototypes()
    own, others = [], []
    for place, vectors in enumerate(bank.vectors):
        units = F.normalize(vectors, dim=1)
        if len(vectors) > 1:
            without = F.normalize((vectors.sum(0) - vectors) / (len(vectors) - 1), dim=1)
            own.append((units * without).sum(1))
        rest = torch.cat([prototypes[:place], prototypes[place + 1 :]])
        others.append((units @ rest.T).reshape(-1))
    nothing = torch.zeros(0)
    return torch.cat(own or [nothing]), torch.cat(others or [nothing])
