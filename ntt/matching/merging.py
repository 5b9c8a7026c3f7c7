"""What becomes of a proposal that lies inside another one of its class.

Each rule sees one class at a time as a *coverage* matrix [n, n], its proposals in NMS order: entry (i, j) is
the share of mask i's pixels that the earlier mask j holds too, ``|Mi & Mj| / |Mi|`` for j < i, else 0.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from ntt.proposals.overlaps import Overlaps


def class_coverages(
    overlaps: Overlaps, areas: Tensor, ranked: Tensor, labels: Tensor
) -> Iterator[tuple[Tensor, Tensor]]:
    """The coverage matrix of every class in which anything overlaps.

    Args:
        overlaps: of all N masks of the image.
        areas: int [N] pixels of each mask.
        ranked: int64 [K] distinct mask indices in NMS order.
        labels: int64 [K] their classes.

    Yields:
        members: int64 [n] positions in ``ranked`` of one class's proposals, ascending.
        coverage: float32 [n, n], strictly lower-triangular.
    """
    by_class = torch.argsort(labels, stable=True)  # classes become contiguous, rank order within each
    masks, classes = ranked[by_class], labels[by_class]
    class_of_mask = torch.full_like(areas, -1, dtype=torch.int64)
    class_of_mask[masks] = classes
    place = torch.zeros_like(class_of_mask)
    place[masks] = torch.arange(len(masks), device=masks.device)

    pairs = overlaps.within(class_of_mask)
    first, second = place[pairs.rows.long()], place[pairs.cols.long()]
    later, earlier = torch.maximum(first, second), torch.minimum(first, second)
    shares = torch.zeros(len(masks), len(masks), device=masks.device)
    shares[later, earlier] = pairs.intersections / areas[masks[later]]

    overlapping = set(classes[later].tolist())
    names, sizes = torch.unique_consecutive(classes, return_counts=True)
    start = 0
    for name, size in zip(names.tolist(), sizes.tolist(), strict=True):
        stop = start + size
        if name in overlapping:
            yield by_class[start:stop], shares[start:stop, start:stop]
        start = stop


def soft_factors(coverage: Tensor, vectors: Tensor) -> Tensor:
    """Semantic-aware soft merging (method section 5.4).

    The factor of proposal i is ``sqrt(1 - max_j coverage_ij * max(0, cos(v_i, v_j)))``.

    Args:
        coverage: [n, n] of one class.
        vectors: [n, D] its proposals' vectors, of any length.

    Returns:
        float32 [n] factors on the scores, in [0, 1].
    """
    units = F.normalize(vectors.float(), dim=1)
    cosines = (units @ units.T).clamp_(min=0)
    redundancy = (coverage * cosines).amax(dim=1)
    return (1 - redundancy).clamp(min=0).sqrt()


def swallowed(coverage: Tensor, threshold: float) -> Tensor:
    """Hard merging: bool [n], true where a single earlier proposal covers at least ``threshold`` of the mask.

    The earlier one counts even if it is itself swallowed: what covers it entirely covers its parts too.
    """
    return (coverage >= threshold).any(dim=1)


def diffusion_factors(coverage: Tensor, alpha: float, steps: int, tolerance: float, normalise: bool) -> Tensor:
    """Graph diffusion of FSOD-VFM (arXiv 2602.03137): ``max(0, 1 - pi) ** 0.5``.

    pi starts at 1 / n and follows ``pi <- alpha * W pi + (1 - alpha) * p``, with W the coverage matrix and p
    its row maxima.

    Args:
        coverage: [n, n] of one class.
        alpha: weight of the neighbours against p.
        steps: iterations at most.
        tolerance: stop when the L2 norm of pi's change is below it.
        normalise: scale W's rows to sum 1, as the paper intends; the released code, which made the published
            numbers, does not.

    Returns:
        float32 [n] factors on the scores, in [0, 1].
    """
    weights = coverage
    if normalise:
        totals = coverage.sum(dim=1, keepdim=True)
        weights = coverage / torch.where(totals > 0, totals, 1)
    restart = (1 - alpha) * coverage.amax(dim=1)
    redundancy = torch.full_like(restart, 1 / len(coverage))
    for _ in range(steps):
        previous = redundancy
        redundancy = alpha * (weights @ previous) + restart
        if torch.linalg.vector_norm(redundancy - previous) < tolerance:
            break
    return (1 - redundancy).clamp(min=0).sqrt()
