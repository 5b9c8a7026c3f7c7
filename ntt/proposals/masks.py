"""Final masks at the image's own size, and their run-length encoding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from pycocotools import mask as coco_mask
from torch import Tensor

from ntt.cores import on_every_core
from ntt.proposals.boxes import mask_boxes
from ntt.proposals.interpolation import interpolation_matrix, two_taps

CHUNK_BYTES = 32 * 2**20  # uncompressed masks held at once; more would be fresh memory pages for every chunk


@dataclass(frozen=True)
class EncodedMasks:
    """The final masks of one image, compressed.

    Attributes:
        rles: N COCO run-length encodings, ``{"size": [height, width], "counts": str}``.
        boxes: int64 [N, 4] xyxy in image pixels, inclusive corners; zeros for a mask without pixels.
        areas: int64 [N] pixels.
    """

    rles: list[dict[str, Any]]
    boxes: Tensor
    areas: Tensor


def encode_logits(logits: Tensor, height: int, width: int) -> EncodedMasks:
    """Resize logits to the image, threshold and compress them, holding few full-size masks at a time.

    A mask of a few pixels can vanish when the image is smaller than the mask grid, because the resizing
    averages its neighbourhood. It keeps its place, with area 0 and a box of zeros.

    Args:
        logits: [N, m, m] mask logits, foreground where > 0.
        height: of the image, in pixels.
        width: of the image, in pixels.
    """
    per_core = -(-len(logits) // torch.get_num_threads())
    chunks = logits.split(max(1, min(per_core, CHUNK_BYTES // (height * width))))
    encoded = on_every_core(lambda chunk: encode_masks(final_masks(chunk, height, width)), chunks)
    rles = [rle for part in encoded for rle in part]
    return EncodedMasks(rles, rle_boxes(rles), rle_areas(rles))


def final_masks(logits: Tensor, height: int, width: int) -> Tensor:
    """Masks at the image's size (method section 5.3): antialiased bilinear resizing, then > 0.

    Only the part of the image that a mask's positive logits can reach is computed: a weighted mean of logits
    that are all <= 0 is never foreground.

    Args:
        logits: [N, m, m] mask logits.
        height: of the image, in pixels.
        width: of the image, in pixels.

    Returns:
        bool [N, height, width], column-major in memory (the layout run-length encoding wants).
    """
    count, source_height, source_width = logits.shape
    columns_first = torch.zeros((count, width, height), dtype=torch.bool, device=logits.device)
    boxes = mask_boxes(logits > 0)
    resize_x = interpolation_matrix(source_width, width, antialias=True, device=logits.device)  # [W, m]
    resize_y = interpolation_matrix(source_height, height, antialias=True, device=logits.device)  # [H, m]
    taps_x, taps_y = two_taps(resize_x), two_taps(resize_y)
    windows = torch.cat([_windows(resize_x, boxes[:, 0::2]), _windows(resize_y, boxes[:, 1::2])], dim=1)
    for i, window in enumerate(windows.tolist()):
        x1, x2, from_x, to_x, y1, y2, from_y, to_y = window
        source = logits[i, from_y:to_y, from_x:to_x].float()  # [rows, columns]
        if taps_x and taps_y:
            rows = taps_y.apply(source, y1, y2, from_y)  # [y2 - y1, columns]
            resized = taps_x.apply(rows.T.contiguous(), x1, x2, from_x)
        else:
            resized = resize_x[x1:x2, from_x:to_x] @ source.T @ resize_y[y1:y2, from_y:to_y].T
        columns_first[i, x1:x2, y1:y2] = resized > 0
    return columns_first.transpose(1, 2)


def _windows(resize: Tensor, extents: Tensor) -> Tensor:
    """Where along one axis a mask can be foreground, and which logits decide there.

    Args:
        resize: [target, source] interpolation matrix.
        extents: int64 [N, 2] first and last positive logit.

    Returns:
        int64 [N, 4]: target start and stop, source start and stop.
    """
    touched = resize > 0
    first = touched.to(torch.uint8).argmax(dim=1)  # [target] first and last logit each target pixel looks at
    last = resize.shape[1] - 1 - touched.flip(1).to(torch.uint8).argmax(dim=1)
    start = torch.searchsorted(last, extents[:, 0].contiguous())
    stop = torch.searchsorted(first, extents[:, 1].contiguous(), right=True)
    return torch.stack([start, stop, first[start], last[stop - 1] + 1], dim=1)


def encode_masks(masks: Tensor) -> list[dict[str, Any]]:
    """COCO run-length encodings of full-size masks.

    Args:
        masks: bool [N, H, W]; free of copies when column-major in memory, as :func:`final_masks` makes them.

    Returns:
        N dicts ``{"size": [H, W], "counts": str}``, ready for JSON.
    """
    if len(masks) == 0:
        return []
    columns_first = masks.transpose(1, 2).contiguous().cpu()  # [N, W, H]
    # One call for the whole stack: encoding mask by mask costs three times as much.
    encoded = coco_mask.encode(columns_first.numpy().view(np.uint8).T)
    return [{"size": [int(s) for s in rle["size"]], "counts": rle["counts"].decode("ascii")} for rle in encoded]


def rle_boxes(rles: list[dict[str, Any]]) -> Tensor:
    """int64 [N, 4] xyxy pixel extents, corners inclusive, of N encoded masks; zeros for an empty one."""
    if not rles:
        return torch.zeros((0, 4), dtype=torch.int64)
    boxes = torch.from_numpy(coco_mask.toBbox(rles)).to(torch.int64)  # x, y, width, height
    boxes[:, 2:] = (boxes[:, :2] + boxes[:, 2:] - 1).clamp(min=0)
    return boxes


def rle_areas(rles: list[dict[str, Any]]) -> Tensor:
    """int64 [N] pixels of N encoded masks."""
    # One by one: a list of more than 255 overflows the uint8 that pycocotools 2.0 counts it in under numpy 2.
    return torch.tensor([int(coco_mask.area(rle)) for rle in rles], dtype=torch.int64)
