"""Final masks, their encodings and overlaps by whole-image arithmetic, for a GPU.

What :mod:`ntt.masks.windowed` and :mod:`ntt.masks.overlaps` avoid on a CPU, resizing whole images and multiplying
whole masks, costs a GPU a few milliseconds, and only the ends of runs have to reach the host.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ntt.masks.boxes import mask_boxes
from ntt.masks.overlaps import Overlaps
from ntt.masks.rle import compressed_counts, run_starts
from ntt.masks.windowed import EncodedMasks

_MASKS_AT_ONCE = 64  # resized in float32: 79 MB at 480 x 640
# Whole numbers up to it are exact in float16, however a GPU adds them up.
_PIXELS_AT_ONCE = 2048
_BLOCKS_AT_ONCE = 16


def encode_whole_image(logits: Tensor, height: int, width: int) -> tuple[EncodedMasks, Overlaps]:
    """The same as ``encode_logits`` and ``mask_overlaps``, but for pixels that rounding decides.

    Args:
        logits: [N, m, m] mask logits, foreground where > 0.
        height: of the image, in pixels.
        width: of the image, in pixels.

    Returns:
        Both on the host. N * height * width bytes and some are needed on the logits' device.
    """
    count = len(logits)
    pixels = torch.empty((count, width * height), dtype=torch.bool, device=logits.device)  # column-major
    boxes = torch.zeros((count, 4), dtype=torch.int64, device=logits.device)
    for start in range(0, count, _MASKS_AT_ONCE):
        some = slice(start, start + _MASKS_AT_ONCE)
        masks = _resized(logits[some], height, width) > 0
        boxes[some] = mask_boxes(masks)
        pixels[some] = masks.transpose(1, 2).flatten(1)
    areas = pixels.sum(1)
    overlaps = Overlaps.between(_intersections(pixels))
    counts = compressed_counts(run_starts(pixels).cpu().numpy(), count, height * width)
    rles = [{"size": [height, width], "counts": text} for text in counts]
    return EncodedMasks(rles, boxes.cpu(), areas.cpu()), overlaps


def _resized(logits: Tensor, height: int, width: int) -> Tensor:
    """float32 [n, height, width] of docs/method.md, section 5.3."""
    size = (height, width)
    return F.interpolate(logits[None].float(), size=size, mode="bilinear", align_corners=False, antialias=True)[0]


def _intersections(pixels: Tensor) -> Tensor:
    """int32 [N, N] pixels that each two of the masks bool [N, P] share."""
    count = len(pixels)
    shared = torch.zeros((count, count), dtype=torch.int32, device=pixels.device)
    for part in pixels.split(_PIXELS_AT_ONCE * _BLOCKS_AT_ONCE, dim=1):
        padded = F.pad(part.half(), (0, -part.shape[1] % _PIXELS_AT_ONCE))
        blocks = padded.unflatten(1, (-1, _PIXELS_AT_ONCE)).transpose(0, 1)  # [blocks, N, pixels]
        shared += torch.bmm(blocks, blocks.transpose(1, 2)).sum(0, dtype=torch.int32)
    return shared
