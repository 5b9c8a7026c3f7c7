"""What becomes of a proposal that lies inside another one of its class.

Each rule sees one class at a time as a *coverage* matrix [n, n], its proposals in NMS order: entry (i, j) is
the share of mask i's pixels that the earlier mask j holds too, ``|Mi & Mj| / |Mi|`` for j < i, else 0.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ntt.masks.overlaps import Overlaps


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

    # The matrices of all classes one after the other in one piece of memory, so that they are filled at once.
    _, groups, sizes = torch.unique_consecutive(classes, return_inverse=True, return_counts=True)
    starts, matrices = sizes.cumsum(0) - sizes, sizes.square().cumsum(0) - sizes.square()
    group = groups[later]
    row, column = later - starts[group], earlier - starts[group]
    shares = torch.zeros(int(sizes.square().sum()), device=masks.device)
    shares[matrices[group] + row * sizes[group] + column] = pairs.intersections / areas[masks[later]]

    overlapping = torch.zeros_like(sizes, dtype=torch.bool)
    overlapping[group] = True
    places = torch.stack([sizes, starts, matrices], dim=1)[overlapping]
    for size, start, matrix in places.tolist():
        yield by_class[start : start + size], shares[matrix : matrix + size**2].view(size, size)


def coverages(overlaps: Overlaps, areas: Tensor, ranked: Tensor, labels: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """As :func:`class_coverages`, of masks that may stand for several classes, in each class once."""
    if len(ranked.unique()) == len(ranked):
        yield from class_coverages(overlaps, areas, ranked, labels)
        return
    for label in labels.unique():
        places = (labels == label).nonzero()[:, 0]
        for members, coverage in class_coverages(overlaps, areas, ranked[places], labels[places]):
            yield places[members], coverage


def score_factors(redundancy: Tensor) -> Tensor:
    """What a score is multiplied with: ``sqrt(1 - redundancy)``, in [0, 1], also where rounding went beyond 1."""
    return (1 - redundancy).clamp(min=0).sqrt()


def soft_redundancy(coverage: Tensor, units: Tensor) -> Tensor:
    """The paper's soft merging (docs/method.md, section 5.4): ``max_j coverage_ij * max(0, cos(v_i, v_j))``.

    Args:
        coverage: [n, n] of one class.
        units: [n, D] its proposals' vectors, of length 1.

    Returns:
        float32 [n], for :func:`score_factors`.
    """
    return (units @ units.T).clamp_(min=0).mul_(coverage).amax(dim=1)


def swallowed(coverage: Tensor, threshold: float) -> Tensor:
    """Hard merging: bool [n], true where a single earlier proposal covers at least ``threshold`` of the mask.

    The earlier one counts even if it is itself swallowed: what covers it entirely covers its parts too.
    """
    return (coverage >= threshold).any(dim=1)


def diffusion_redundancy(coverage: Tensor, alpha: float, steps: int, tolerance: float, normalise: bool) -> Tensor:
    """FSOD-VFM's graph diffusion (docs/method.md, section 6.2): the pi of its ``max(0, 1 - pi) ** 0.5``.

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
        float32 [n], for :func:`score_factors`.
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
    return redundancy
