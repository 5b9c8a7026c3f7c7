"""Masks on the segmenter's grid, as small as they get on disk: what the vectors of another encoder are pooled from."""

from __future__ import annotations

import zlib

import numpy as np
import torch
from pycocotools import mask as coco_mask
from torch import Tensor

from ntt.masks.rle import compressed_counts, packed_run_starts, run_starts

_LEVEL = 1  # a higher one takes three times as long and saves a tenth
_BITS_OF_A_WORD = 64


def compress_masks(masks: Tensor) -> bytes:
    """Masks of one image without loss: COCO's run lengths, row by row instead of column by column, in one zlib stream.

    Args:
        masks: bool [N, m, m], on any device.

    Returns:
        The compressed lines: m, then a string for each mask.
    """
    pixels = masks.flatten(1)
    if masks.device.type == "cpu" and pixels.shape[1] % _BITS_OF_A_WORD == 0:
        starts = packed_run_starts(pixels.numpy())
    else:
        starts = run_starts(pixels).cpu().numpy()
    lines = [str(masks.shape[-1]), *compressed_counts(starts, *pixels.shape)]
    return zlib.compress("\n".join(lines).encode("ascii"), _LEVEL)


def decompress_masks(data: bytes) -> Tensor:
    """Undo :func:`compress_masks`: bool [N, m, m] on the host."""
    first, *lines = zlib.decompress(data).decode("ascii").split("\n")
    side = int(first)
    if not lines:
        return torch.zeros(0, side, side, dtype=torch.bool)
    # COCO's columns are our rows: its array [m, m, N] lies in memory as ours does.
    pixels = coco_mask.decode([{"size": [side, side], "counts": line} for line in lines])
    return torch.from_numpy(np.ascontiguousarray(pixels.T).view(np.bool_))
