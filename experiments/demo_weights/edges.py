"""Histograms of edge directions: what a patch looks like whatever its colours are."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

DIRECTIONS = 8
CELLS = 2  # per side of a patch
EDGE_VALUES = DIRECTIONS * CELLS**2


def edge_histograms(images: Tensor, patch: int) -> Tensor:
    """Strength of each edge direction in each quarter of each patch: [B, g, g, 32], unit variance about.

    Directions are undirected and taken from the channel with the strongest gradient, so that neither hue nor the
    sign of a contrast shows. A patch's histogram is relative to its overall strength where that is large.

    Args:
        images: [B, 3, S, S], normalised.
    """
    dx = F.pad(images[..., 2:] - images[..., :-2], (1, 1))
    dy = F.pad(images[..., 2:, :] - images[..., :-2, :], (0, 0, 1, 1))
    strength, channel = (dx.square() + dy.square()).max(dim=1, keepdim=True)  # [B, 1, S, S]
    angle = torch.atan2(dy.gather(1, channel), dx.gather(1, channel)) % math.pi
    place = angle / math.pi * DIRECTIONS
    low = place.floor()
    part = place - low
    low = low.long() % DIRECTIONS
    magnitude = strength.sqrt()
    bins = torch.zeros(len(images), DIRECTIONS, *images.shape[-2:])
    bins.scatter_add_(1, low, magnitude * (1 - part))
    bins.scatter_add_(1, (low + 1) % DIRECTIONS, magnitude * part)
    cells = F.avg_pool2d(bins, patch // CELLS)  # [B, 8, g * 2, g * 2]
    grid = cells.shape[-1] // CELLS
    values = cells.unflatten(3, (grid, CELLS)).unflatten(2, (grid, CELLS)).permute(0, 2, 4, 1, 3, 5).flatten(3)
    return 4 * values / (values.square().sum(dim=-1, keepdim=True) + 0.05).sqrt()
