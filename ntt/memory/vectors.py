"""One vector per reference."""

from __future__ import annotations

from torch import Tensor


def reference_vector(features: Tensor, mask: Tensor) -> Tensor | None:
    """Mean of a reference's patch features, weighted by its soft mask (docs/method.md, section 2.5).

    The masked pooling of the paper's memory bank construction.

    Args:
        features: [P, D] patch features of the crop, row-major over the grid.
        mask: [grid, grid] with grid * grid = P, values in [0, 1].

    Returns:
        [D] float32, not normalised, or None when the mask is empty: such a reference says nothing.
    """
    weights = mask.flatten().to(features.device, features.dtype)  # [P]
    if not weights.any():
        return None
    return ((weights @ features) / weights.sum()).float()
