"""How overlaps are stored: which masks overlap, and by how many pixels, in planes of bytes.

In a crowd nearly all of the N (N - 1) / 2 pairs overlap. Then second masks repeat themselves from one first mask to
the next, and so do the higher bytes of the pixels shared: they are compressed. The lowest byte is as good as random.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from ntt.masks.overlaps import Overlaps
from ntt.proposals.packing import packed, unpacked

_PLANES = 4  # bytes of a number of pixels, at most


def pairs_to_tensors(overlaps: Sequence[Overlaps], counts: Sequence[int]) -> dict[str, Tensor]:
    """Overlaps -> four tensors. T is the number of masks and E of pairs over all images.

    `overlap_begun` int32 [T] says of how many pairs a mask is the first, for they lie together; `overlap_cols` are the
    second masks [E], two bytes each (four where an image has more than 32,767 masks); `overlap_low` uint8 [E] is the
    lowest byte of the pixels shared; `overlap_high` are the planes of bytes above it, up to the last that is not zero.

    Args:
        overlaps: of each image.
        counts: masks of each image.
    """
    begun = [each.rows.long().bincount(minlength=count) for each, count in zip(overlaps, counts, strict=True)]
    cols = torch.cat([each.cols for each in overlaps])
    shared = torch.cat([each.intersections for each in overlaps]).int().numpy()
    planes = [(shared >> 8 * plane).astype(np.uint8) for plane in range(_PLANES)]
    while len(planes) > 1 and not planes[-1].any():
        planes.pop()
    return {
        "overlap_begun": torch.cat(begun).int(),
        "overlap_low": torch.from_numpy(planes[0]),
        **packed("overlap_cols", cols.numpy().tobytes(), len(counts)),
        **packed("overlap_high", b"".join(plane.tobytes() for plane in planes[1:]), len(counts)),
    }


def pairs_from_tensors(tensors: Mapping[str, Tensor], counts: Sequence[int], pairs: Sequence[int]) -> list[Overlaps]:
    """Undo :func:`pairs_to_tensors`.

    Args:
        tensors: of the file.
        counts: masks of each image.
        pairs: overlapping pairs of each image.
    """
    low, high, cols = (
        tensors["overlap_low"].numpy(),
        unpacked(tensors, "overlap_high"),
        unpacked(tensors, "overlap_cols"),
    )
    count = len(low)
    shared = low.astype(np.int32)
    for plane in range(len(high) // count if count else 0):
        shared |= high[plane * count : (plane + 1) * count].astype(np.int32) << 8 * (plane + 1)
    wide = count > 0 and len(cols) == 4 * count
    second = torch.from_numpy(cols.view(np.int32 if wide else np.int16).copy())
    begun = tensors["overlap_begun"].split(list(counts))
    first = [torch.arange(len(each), dtype=second.dtype).repeat_interleave(each) for each in begun]
    parts = zip(first, second.split(list(pairs)), torch.from_numpy(shared).split(list(pairs)), strict=True)
    return [Overlaps(*each) for each in parts]
