"""Position embeddings for another image size than the trained one, resized as Meta's DINOv2 does."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import interpolate


def trained_grid(table: Tensor) -> int:
    """Patches per side G of a table ``[1, 1 + G*G, D]``, class token first; rounded down if not square."""
    return int((table.shape[1] - 1) ** 0.5)


def resize_positions(table: Tensor, grid: int, registers: bool) -> Tensor:
    """Bicubic interpolation of a square table of position embeddings.

    Meta treats the two families differently: without registers the table is scaled by (grid + 0.1) / G, which
    moves the sampling points a little, and not antialiased; with registers it is resized to the exact size
    and antialiased. transformers leaves out the 0.1.

    Args:
        table: ``[1, 1 + G*G, D]``, the class token's embedding first, then the patches row by row.
        grid: patches per side wanted.
        registers: whether the network has register tokens.

    Returns:
        ``[1, 1 + grid*grid, D]``; the table itself where ``grid`` is G.
    """
    trained = trained_grid(table)
    if grid == trained:
        return table
    patches = table[:, 1:].float().unflatten(1, (trained, trained)).permute(0, 3, 1, 2)  # [1, D, G, G]
    if registers:
        resized = interpolate(patches, size=(grid, grid), mode="bicubic", antialias=True)
    else:
        scale = (grid + 0.1) / trained
        resized = interpolate(patches, scale_factor=(scale, scale), mode="bicubic")
    return torch.cat([table[:, :1], resized.permute(0, 2, 3, 1).flatten(1, 2).to(table.dtype)], dim=1)
