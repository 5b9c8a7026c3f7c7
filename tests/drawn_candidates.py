"""Proposals of one image made of rectangles, for tests of what matching does to them."""

from __future__ import annotations

import torch

from ntt.masks.boxes import mask_boxes
from ntt.masks.overlaps import mask_overlaps
from ntt.masks.windowed import encode_masks
from ntt.matching.match import Candidates


def candidates(corners, vectors, predicted_iou, size=20):
    masks = torch.zeros(len(corners), size, size, dtype=torch.bool)
    for mask, (x1, y1, x2, y2) in zip(masks, corners, strict=True):
        mask[y1:y2, x1:x2] = True
    areas, overlaps = masks.flatten(1).sum(1), mask_overlaps(encode_masks(masks))
    return Candidates(vectors, predicted_iou, mask_boxes(masks), areas, overlaps)


def drawn(seed, count=30, classes=3):
    generator = torch.Generator().manual_seed(seed)
    starts = torch.randint(0, 12, (count, 2), generator=generator)
    sizes = torch.randint(1, 9, (count, 2), generator=generator)
    corners = torch.cat([starts, starts + sizes], dim=1).tolist()
    vectors, quality = torch.randn(count, 4, generator=generator), torch.rand(count, generator=generator)
    return candidates(corners, vectors, quality), torch.randn(classes, 4, generator=generator)
