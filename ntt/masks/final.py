"""Final masks of an image in the way that suits the device."""

from __future__ import annotations

from contextlib import suppress

import torch
from torch import Tensor

from ntt.masks.overlaps import PIXELS_AT_MOST, Overlaps, mask_overlaps
from ntt.masks.whole_image import encode_whole_image
from ntt.masks.windowed import EncodedMasks, encode_logits


def encode_final(
    logits: Tensor, boxes: Tensor, height: int, width: int, whole_image: bool
) -> tuple[EncodedMasks, Overlaps]:
    """Final masks of an image, compressed, and their overlaps, in the way that suits the device.

    Args:
        logits: [N, m, m] mask logits, foreground where > 0.
        boxes: int64 [N, 4] xyxy on the mask grid, of :func:`ntt.masks.boxes.mask_boxes`.
        height: of the image, in pixels.
        width: of the image, in pixels.
        whole_image: whether whole images are computed where the logits are, as far as memory allows; else on the host.
    """
    if whole_image and len(logits) * height * width <= PIXELS_AT_MOST:
        # Memory that the networks have taken meanwhile is no reason to fail.
        with suppress(torch.OutOfMemoryError):
            return encode_whole_image(logits, height, width)
    final = encode_logits(logits.cpu(), boxes.cpu(), height, width)
    return final, mask_overlaps(final.rles)
