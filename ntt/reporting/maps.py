"""Maps of a reference's patches, by which people judge what the encoder makes of it."""

from __future__ import annotations

import torch
from torch import Tensor

from ntt.reporting.clusters import kmeans, pca


def feature_maps(features: Tensor, mask: Tensor, clusters: int = 4) -> tuple[Tensor, Tensor]:
    """Three principal components and k-means labels of the masked patches (docs/method.md, section 3).

    Args:
        features: [P, D] patch features of the crop, row-major over the grid.
        mask: [grid, grid] with grid * grid = P; patches above 0 belong to the object. At least one does.
        clusters: k.

    Returns:
        uint8 [grid, grid, 3], each component stretched to 1..255, and uint8 [grid, grid] with labels 1..k; both are 0
        outside the object. A picture of stripes or blocks follows the object's parts when the encoder understands it.
    """
    inside = mask.flatten() > 0
    points = features[inside].float().cpu()
    components = pca(points)  # [M, 3]
    low, high = components.min(0).values, components.max(0).values
    stretched = 1 + (components - low) / (high - low).clamp(min=1e-12) * 254
    colours = torch.zeros(mask.numel(), 3, dtype=torch.uint8)
    colours[inside.cpu()] = stretched.to(torch.uint8)
    labels = torch.zeros(mask.numel(), dtype=torch.uint8)
    labels[inside.cpu()] = kmeans(points, clusters)[1].to(torch.uint8) + 1
    return colours.view(*mask.shape, 3), labels.view(mask.shape)
