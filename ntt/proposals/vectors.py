"""Proposal vectors: the mean feature under each mask."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ntt.masks.resizing import interpolation_matrix

MASKS_AT_ONCE = 16  # keeps the float copy of the masks in cache: 4 MiB at 256 x 256


def mask_vectors(features: Tensor, masks: Tensor, grid: int) -> Tensor:
    """L2-normalised mean of the upsampled features over each mask (docs/method.md, section 4.5).

    Averaging ``upsample(features)`` over a mask is averaging the features themselves with the mask carried to
    the patch grid by the adjoint of the upsampling, so no [m, m, D] tensor ever exists.

    Args:
        features: [grid * grid, D] patch features, row-major over the grid.
        masks: bool [N, m, m] on the segmenter's mask grid.
        grid: side of the feature grid.

    Returns:
        float32 [N, D] unit vectors; an empty mask gives a zero vector.
    """
    features = features.float()
    weights = patch_weights(masks, grid)  # [N, grid * grid]
    # The mean's division by the pixel count cancels in the normalisation.
    return F.normalize(weights @ features, dim=1)


def patch_weights(masks: Tensor, grid: int) -> Tensor:
    """How much each patch contributes to the sum of upsampled features under each mask.

    With A the [m, grid] bilinear upsampling of one axis, this is ``A^T M A``.

    Args:
        masks: bool [N, m, m].
        grid: side of the patch grid.

    Returns:
        float32 [N, grid * grid], row-major; each row sums to the mask's number of pixels.
    """
    size = masks.shape[-1]
    upsampling = interpolation_matrix(grid, size, antialias=False, device=masks.device)  # [m, grid]
    weights = masks.new_empty((len(masks), grid * grid), dtype=torch.float32)
    for start in range(0, len(masks), MASKS_AT_ONCE):
        chunk = masks[start : start + MASKS_AT_ONCE].float() @ upsampling  # [n, m, grid]
        weights[start : start + MASKS_AT_ONCE] = (upsampling.T @ chunk).flatten(1)
    return weights
