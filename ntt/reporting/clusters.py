"""K-means and PCA of a reference's masked patches: the pictures by which a reference is judged."""

from __future__ import annotations

import torch
from torch import Tensor

_SPARE_DIRECTIONS = 5  # followed beside the wanted ones, which makes those converge faster
_SUBSPACE_ITERATIONS = 8


def kmeans(points: Tensor, k: int = 4, seed: int = 0, iterations: int = 50) -> tuple[Tensor, Tensor]:
    """Lloyd's algorithm from a k-means++ start; the same seed gives the same clusters.

    Args:
        points: float [N, D], N >= 1.
        k: number of clusters.
        seed: of the start; torch's global generator is neither read nor moved.
        iterations: at most so many updates; it stops earlier once nothing changes.

    Returns:
        Centres [K, D] and the index of each point's centre, int64 [N]. K is k, or the number of distinct
        points where there are fewer.
    """
    centres = _spread_start(points, k, seed)  # [K, D]
    labels = torch.cdist(points, centres).argmin(1)  # [N]
    for _ in range(iterations):
        members = torch.nn.functional.one_hot(labels, len(centres)).to(points.dtype)  # [N, K]
        counts = members.sum(0)[:, None]
        # A cluster that lost all its points stays where it was.
        centres = torch.where(counts > 0, members.T @ points / counts.clamp(min=1), centres)
        updated = torch.cdist(points, centres).argmin(1)
        if torch.equal(updated, labels):
            break
        labels = updated
    return centres, labels


def _spread_start(points: Tensor, k: int, seed: int) -> Tensor:
    """k-means++: draw each further centre in proportion to its squared distance to those chosen."""
    generator = torch.Generator().manual_seed(seed)
    chosen = [int(torch.randint(len(points), (1,), generator=generator))]
    distances = (points - points[chosen[0]]).square().sum(1)  # [N], to the nearest chosen centre
    while len(chosen) < k and distances.any():
        chosen.append(int(torch.multinomial(distances.cpu(), 1, generator=generator)))
        distances = torch.minimum(distances, (points - points[chosen[-1]]).square().sum(1))
    return points[chosen]


def pca(points: Tensor, components: int = 3) -> Tensor:
    """Coordinates along the directions of largest variance.

    Args:
        points: float [N, D], N >= 1.
        components: number of directions.

    Returns:
        [N, components], centred at 0; columns beyond the rank of the points are 0. PCA leaves the sign of a
        direction open; here its largest entry is positive.
    """
    centred = points - points.mean(0)
    directions = _leading_directions(centred, min(components + _SPARE_DIRECTIONS, *centred.shape))  # [kept, D]
    directions = directions[:components]
    largest = directions.gather(1, directions.abs().argmax(1, keepdim=True))  # [<= components, 1]
    coordinates = centred @ (directions * largest.sign()).T
    return torch.nn.functional.pad(coordinates, (0, components - coordinates.shape[1]))


def _leading_directions(centred: Tensor, count: int) -> Tensor:
    """Right singular vectors ``[count, D]`` of the largest singular values, by subspace iteration from a fixed start.

    Randomised, since a picture needs three of hundreds of directions. Not torch's ``svd_lowrank``, which draws from the
    global generator: threads that encode side by side would draw from each other's.
    """
    generator = torch.Generator().manual_seed(0)
    basis = torch.randn(centred.shape[1], count, generator=generator).to(centred)  # [D, count]
    for _ in range(_SUBSPACE_ITERATIONS):
        basis = torch.linalg.qr(centred.T @ (centred @ basis)).Q
    within = torch.linalg.svd(centred @ basis, full_matrices=False).Vh  # [count, count]
    return within @ basis.T
