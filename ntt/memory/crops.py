"""What the encoder sees of a reference: a square crop around its box, and its mask on the patch grid."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor


def crop_window(bbox: Sequence[float], height: int, width: int, context: float) -> tuple[int, int, int, int]:
    """Square window around a box, clipped at the image border (docs/method.md, section 2.2).

    Args:
        bbox: (x, y, width, height) in pixels of the image.
        height: of the image, in pixels.
        width: of the image, in pixels.
        context: how much longer the window's side is than the box's longer side: 0.2 is 20 %.

    Returns:
        (left, top, right, bottom) in pixels, right and bottom exclusive; at least one pixel on each axis,
        whatever the box, so that a degenerate annotation ends as an empty mask and not as a crash.
    """
    x, y, box_width, box_height = bbox
    x1, y1, x2, y2 = int(x), int(y), int(x + box_width), int(y + box_height)
    half = max(x2 - x1, y2 - y1) * (1 + context) / 2
    left, right = _clip((x1 + x2) / 2, half, width)
    top, bottom = _clip((y1 + y2) / 2, half, height)
    return left, top, right, bottom


def _clip(centre: float, half: float, size: int) -> tuple[int, int]:
    """The window's start and exclusive end on an axis of ``size`` pixels."""
    start = min(max(0, int(centre - half)), size - 1)
    end = max(min(size, int(centre + half)), start + 1)
    return start, end


def reference_crop(
    image: np.ndarray,
    mask: np.ndarray,
    bbox: Sequence[float],
    context: float,
    image_size: int,
    grid: int,
) -> tuple[Tensor, Tensor]:
    """Encoder input of one reference and its soft mask on the patch grid (docs/method.md, sections 2.1 to 2.3).

    Args:
        image: uint8 [H, W, 3] RGB.
        mask: [H, W], 1 inside the object and 0 outside.
        bbox: (x, y, width, height) in pixels of the image.
        context: see :func:`crop_window`.
        image_size: side S of the encoder's input, in pixels.
        grid: patches per side of that input.

    Returns:
        The crop, float32 [3, S, S] of values around [0, 1] (bicubic resizing may overshoot a little; as
        in the published results, that is not clamped), and the mask, float32 [grid, grid] in [0, 1].
        The mask is all zeros only when the object has no pixel inside the window.
    """
    height, width = mask.shape
    left, top, right, bottom = crop_window(bbox, height, width, context)
    # [1, 3, h, w] and [1, 1, h, w]
    image_crop = torch.from_numpy(image[top:bottom, left:right].copy()).permute(2, 0, 1)[None].float() / 255
    mask_crop = torch.from_numpy(mask[top:bottom, left:right].copy())[None, None].float()
    resized = F.interpolate(image_crop, (image_size, image_size), mode="bicubic", align_corners=False)
    return resized[0], _mask_on_grid(mask_crop, image_size, grid)


def _mask_on_grid(mask_crop: Tensor, image_size: int, grid: int) -> Tensor:
    """Mask crop [1, 1, h, w] -> soft mask [grid, grid]."""
    resized = F.interpolate(mask_crop, (image_size, image_size), mode="bilinear", align_corners=False)
    sampled = F.interpolate(resized, (grid, grid), mode="nearest")[0, 0]
    if sampled.any():
        return sampled
    # Sampling one pixel per patch misses a thin object; averaging the crop itself cannot.
    return F.interpolate(mask_crop, (grid, grid), mode="area")[0, 0]
