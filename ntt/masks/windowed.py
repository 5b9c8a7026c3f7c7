"""Final masks at the image's own size, and their run-length encoding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pycocotools import mask as coco_mask
from torch import Tensor

from ntt.masks.resizing import Resizing, Window, antialiased
from ntt.masks.rle import Runs, compressed_counts, joined_runs

_MASKS_AT_ONCE = 128  # bounds the memory where masks are frayed and have many runs


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


def encode_logits(logits: Tensor, boxes: Tensor, height: int, width: int) -> EncodedMasks:
    """Masks at the image's size (docs/method.md, section 5.3): antialiased bilinear resizing, then > 0, compressed.

    Only the part of the image that a mask's positive logits can reach is computed, as a weighted mean of logits that
    are all <= 0 is never foreground; and only there runs are looked for.

    A mask of a few pixels can vanish when the image is smaller than the mask grid, because the resizing
    averages its neighbourhood. It keeps its place, with area 0 and a box of zeros.

    Args:
        logits: [N, m, m] mask logits on the host, foreground where > 0.
        boxes: int64 [N, 4] xyxy on the mask grid, of :func:`ntt.masks.boxes.mask_boxes`.
        height: of the image, in pixels.
        width: of the image, in pixels.
    """
    if len(logits) == 0:
        return EncodedMasks([], torch.zeros((0, 4), dtype=torch.int64), torch.zeros(0, dtype=torch.int64))
    parts = [
        _encode(some, extents.numpy(), height, width)
        for some, extents in zip(logits.split(_MASKS_AT_ONCE), boxes.split(_MASKS_AT_ONCE), strict=True)
    ]
    return EncodedMasks(
        [{"size": [height, width], "counts": text} for counts, _ in parts for text in counts],
        torch.from_numpy(np.concatenate([runs.boxes for _, runs in parts])),
        torch.from_numpy(np.concatenate([runs.areas for _, runs in parts])),
    )


def _encode(logits: Tensor, extents: NDArray[np.int64], height: int, width: int) -> tuple[list[str], Runs]:
    """The strings and runs of some of the masks."""
    source = logits.shape[-1]
    down, across = antialiased(source, height), antialiased(source, width)
    windows = list(zip(down.windows(extents[:, 1::2]), across.windows(extents[:, 0::2]), strict=True))
    pixels = logits.float().numpy()
    # NumPy and not torch: these are a dozen calls on a few thousand pixels for each mask.
    edges = [_edges(one, down, across, row, column) for one, (row, column) in zip(pixels, windows, strict=True)]
    corners = np.array([(column.start, row.start) for row, column in windows]).reshape(-1, 2)
    heights = np.array([row.stop - row.start for row, _ in windows], dtype=np.int64)
    runs = joined_runs(edges, corners, heights, height, width)
    return compressed_counts(runs.changes, len(logits), height * width), runs


def _edges(
    logits: NDArray[np.float32], down: Resizing, across: Resizing, row: Window, column: Window
) -> NDArray[np.int64]:
    """Where one mask begins and ends in each column of its window, see :func:`ntt.masks.rle.joined_runs`.

    Args:
        logits: [m, m].
        down, across: the resizing of rows and of columns.
        row, column: the window.
    """
    taller = down.apply(logits[row.low : row.high, column.low : column.high], row)  # [h, columns before resizing]
    resized = across.apply(np.ascontiguousarray(taller.T), column)  # [w, h]
    width, height = resized.shape
    # A pixel of background before the first column and after each: no run goes on from one to the next.
    line = np.zeros(1 + width * (height + 1), dtype=bool)
    np.greater(resized, 0, out=line[1:].reshape(width, height + 1)[:, :height])
    return np.flatnonzero(line[1:] != line[:-1])


def encode_masks(masks: Tensor) -> list[dict[str, Any]]:
    """COCO run-length encodings of full-size masks.

    Args:
        masks: bool [N, H, W].

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
