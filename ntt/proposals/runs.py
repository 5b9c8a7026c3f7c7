"""Run-length encoding in whole-array steps, for masks that are computed on a GPU.

pycocotools encodes as fast on a core, but keeps Python's lock while it does: threads that drive a GPU would wait.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

# COCO writes a number as digits of five bits, lowest first, with a sixth where more follow, from this character on.
_BITS, _MORE, _ZERO = 5, 32, 48


def run_starts(pixels: Tensor) -> Tensor:
    """Where the runs of equal pixels begin, background first.

    Args:
        pixels: bool [N, P], each mask's pixels in column-major order.

    Returns:
        int64 [R], ascending: n * P for the first run of mask n, which is empty where the mask begins with foreground
        (the next run begins there too), and n * P + p for each run at pixel p.
    """
    changed = pixels.clone()  # against the pixel before; the first against background
    changed[:, 1:] ^= pixels[:, :-1]
    firsts = torch.arange(len(pixels), device=pixels.device) * pixels.shape[1]
    return torch.cat([firsts, changed.flatten().nonzero()[:, 0]]).sort().values


def compressed_counts(starts: NDArray[np.int64], count: int, pixels: int) -> list[str]:
    """COCO's compressed form of masks' run lengths.

    Args:
        starts: of :func:`run_starts`.
        count: masks N.
        pixels: of each mask, P.

    Returns:
        N strings, those of ``pycocotools.mask.encode``.
    """
    if count == 0:
        return []
    lengths = np.diff(starts, append=count * pixels)
    # Of two runs that begin with a mask the first is the empty one: searched from the left.
    firsts = np.searchsorted(starts, np.arange(count) * pixels)
    runs = np.diff(firsts, append=len(starts))
    place = np.arange(len(starts)) - np.repeat(firsts, runs)
    values = lengths.copy()
    values[2:] -= np.where(place[2:] > 2, lengths[:-2], 0)  # from the fourth on, the difference to the last but one
    digits, unfinished = [], np.ones(len(values), dtype=bool)
    while unfinished.any():
        digit = values & (_MORE - 1)
        values = values >> _BITS
        more = np.where(digit & (_MORE >> 1), values != -1, values != 0)  # a digit's highest bit is the sign
        digits.append(np.where(unfinished, digit + _MORE * more + _ZERO, 0).astype(np.uint8))
        unfinished = unfinished & more
    table = np.stack(digits, axis=1)  # [R, digits], 0 where a number has ended
    text = table[table > 0].tobytes().decode("ascii")
    ends = np.cumsum(np.add.reduceat((table > 0).sum(axis=1), firsts)).tolist()
    return [text[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True)]
