"""The regular grid of point prompts laid over every target image."""

from __future__ import annotations

import torch
from torch import Tensor


def point_grid(per_side: int, image_size: int) -> Tensor:
    """Points spread evenly over a square image, x outermost (docs/method.md, section 4.3).

    Args:
        per_side: points along each axis.
        image_size: side of the segmenter's input in pixels.

    Returns:
        float32 ``[per_side ** 2, 2]``: (x, y) in pixels of that input, both from 0.5 to ``image_size - 0.5``.
    """
    axis = torch.linspace(0, image_size - 1, per_side) + 0.5
    return torch.cartesian_prod(axis, axis)


def on_coarse_grid(points: Tensor, grid: Tensor) -> Tensor:
    """Which points are on the grid of twice the spacing, that is on every second column and row of ``grid``.

    Args:
        points: ``[P, 2]``, some of the grid's.
        grid: of :func:`point_grid`.

    Returns:
        bool ``[P]``; the first column and row are on it.
    """
    return torch.isin(points, grid[:, 1].unique()[::2]).all(1)
