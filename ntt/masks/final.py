"""Final masks of an image in the way that suits the device."""

from __future__ import annotations

from contextlib import suppress

import torch
from torch import Tensor

from ntt.masks.overlaps import DENSE_PIXELS, Overlaps, mask_overlaps
from ntt.masks.whole_image import encode_dense
from ntt.masks.windowed import EncodedMasks, encode_logits


def encode_final(logits: Tensor, height: int, width: int, dense: bool) -> tuple[EncodedMasks, Overlaps]:
    """Final masks of an image, compressed, and their overlaps, in the way that suits the device.

    Args:
        logits: [N, m, m] mask logits, foreground where > 0.
        height: of the image, in pixels.
        width: of the image, in pixels.
        dense: whether whole images are computed where the logits are, as far as memory allows; else on the host.
    """
    if dense and len(logits) * height * width <= DENSE_PIXELS:
        # Memory that the networks have taken meanwhile is no reason to fail.
        with suppress(torch.OutOfMemoryError):
            return encode_dense(logits, height, width)
    final = encode_logits(logits.cpu(), height, width)
    return final, mask_overlaps(final.rles)
