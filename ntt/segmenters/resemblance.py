"""Which points of the grid are worth a prompt, where the references are known before the prompts are chosen.

The published method prompts alike whatever the references are (docs/method.md, section 4.3), so that all of them share
one pass. This option (docs/method.md, section 6.4) gives that up: the points depend on the memory, and so do the
proposals.
"""

from __future__ import annotations

import math

import torch.nn.functional as F
from torch import Tensor

from ntt.segmenters.points import on_coarse_grid


def resembling_points(grid: Tensor, image_size: int, features: Tensor, prototypes: Tensor, share: float) -> Tensor:
    """The points of the coarse grid, and those where the encoder sees most of a prototype.

    Args:
        grid: ``[P, 2]``, (x, y) in pixels of the segmenter's input.
        image_size: side of that input.
        features: ``[g * g, D]``, the image's patches, row by row.
        prototypes: ``[C, D]``, L2-normalised.
        share: in (0, 1], of the grid's points, by their patch's highest cosine with a prototype. Not a bound on the
            cosine: those of one encoder say little about those of another.

    Returns:
        ``[p, 2]``, in the grid's order.
    """
    cosines = F.normalize(features.float(), dim=-1) @ prototypes.to(features.device).T  # [g * g, C]
    side = math.isqrt(len(features))
    column, row = (grid * (side / image_size)).long().clamp(0, side - 1).unbind(1)
    likeness = cosines.amax(1).to(grid.device)[row * side + column]  # [P]
    least = likeness.topk(math.ceil(share * len(grid))).values[-1]
    return grid[on_coarse_grid(grid, grid) | (likeness >= least)]
