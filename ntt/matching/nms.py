"""Class-wise non-maximum suppression without torchvision."""

from __future__ import annotations

import torch
from torch import Tensor


def class_nms(boxes: Tensor, ranking: Tensor, labels: Tensor, iou_threshold: float) -> Tensor:
    """Greedy NMS inside each class (docs/method.md, section 5.2).

    Walking from the highest rank down, a box is dropped when its IoU with a kept box of its class is greater
    than the threshold. Equal ranks keep their input order, so the result is deterministic.

    Args:
        boxes: [N, 4] xyxy in pixels. Width is ``x2 - x1`` as in torchvision's NMS, also where the corners are
            inclusive pixels; a box of no width or height overlaps nothing.
        ranking: [N] the value to rank by, highest first.
        labels: int64 [N] classes.
        iou_threshold: in [0, 1].

    Returns:
        int64 [K] indices of the kept boxes, highest rank first over all classes.
    """
    order = torch.argsort(ranking, descending=True, stable=True)
    ranked = boxes[order].float()
    better, worse = same_class_pairs(labels[order])
    conflict = (_pair_iou(ranked, better, worse) > iou_threshold).nonzero()[:, 0]
    better, worse = better[conflict], worse[conflict]

    # "Kept unless a kept one suppresses it", repeated, settles the ranks from the top: at least one a round,
    # in practice nearly all in a few. What no longer changes is the greedy walk's own result.
    kept = torch.ones(len(order), dtype=torch.bool, device=boxes.device)
    while True:
        settled = torch.ones_like(kept)
        settled[worse[kept[better]]] = False
        if torch.equal(settled, kept):
            return order[kept]
        kept = settled


def same_class_pairs(labels: Tensor) -> tuple[Tensor, Tensor]:
    """Every pair of positions with the same label.

    Args:
        labels: int64 [N].

    Returns:
        Two int64 [E], the earlier and the later position of each pair; E sums n (n - 1) / 2 over the classes.
    """
    by_class = torch.argsort(labels, stable=True)
    sizes = torch.unique_consecutive(labels[by_class], return_counts=True)[1]
    starts = (sizes.cumsum(0) - sizes).repeat_interleave(sizes)  # [N] where each one's class begins
    index = torch.arange(len(labels), device=labels.device)
    predecessors = index - starts  # [N] a class's k-th member is the later one of k pairs
    later = index.repeat_interleave(predecessors)
    first_pair = predecessors.cumsum(0) - predecessors
    earlier = starts[later] + torch.arange(len(later), device=labels.device) - first_pair[later]
    return by_class[earlier], by_class[later]


def _pair_iou(boxes: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """[E] IoU of pairs of float xyxy boxes, given by index; NaN, above no threshold, where both are empty."""
    x1, y1, x2, y2 = boxes.T.contiguous()
    areas = (x2 - x1) * (y2 - y1)
    width = (torch.minimum(x2[first], x2[second]) - torch.maximum(x1[first], x1[second])).clamp_(min=0)
    height = (torch.minimum(y2[first], y2[second]) - torch.maximum(y1[first], y1[second])).clamp_(min=0)
    intersection = width * height
    return intersection / (areas[first] + areas[second] - intersection)
