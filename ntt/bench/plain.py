"""The obvious way to compute each stage: the reference for speed and for results."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from pycocotools import mask as coco_mask
from torch import Tensor

from ntt.backbones.dinov2_network import Network
from ntt.matching.settings import MatchSettings
from ntt.networks.normalisation import normalise


@torch.no_grad()
def encode_with_attention_maps(network: Network, images: Tensor, grid: int) -> Tensor:
    """``[B, grid * grid, D]``: the network asked for its attention maps too, as the published code does."""
    tokens = network(normalise(images), output_attentions=True).last_hidden_state
    return tokens[:, -grid * grid :]


def dense_vectors(features: Tensor, masks: Tensor, grid: int) -> Tensor:
    """Unit vectors ``[N, D]`` from features upsampled to every pixel of the mask grid."""
    side = masks.shape[-1]
    patches = features.T.unflatten(1, (grid, grid)).unsqueeze(0)  # [1, D, grid, grid]
    dense = F.interpolate(patches, (side, side), mode="bilinear", align_corners=False)[0].flatten(1)  # [D, m * m]
    pixels = masks.flatten(1).float()
    means = (pixels @ dense.T) / pixels.sum(1, keepdim=True).clamp(min=1)
    return F.normalize(means, dim=1)


def masks_one_by_one(logits: Tensor, height: int, width: int) -> tuple[list[dict[str, Any]], Tensor]:
    """COCO encodings of masks resized, thresholded and encoded one at a time, and ``[N, N]`` pixels that two share."""
    rles, masks = [], []
    for one in logits:
        resized = F.interpolate(
            one[None, None], (height, width), mode="bilinear", align_corners=False, antialias=True
        )  # [1, 1, H, W]
        masks.append(resized[0, 0] > 0)
        rle = coco_mask.encode(np.asfortranarray(masks[-1].to("cpu", torch.uint8).numpy()))
        rles.append({"size": [height, width], "counts": rle["counts"].decode("ascii")})
    return rles, dense_intersections(torch.stack(masks))


def dense_intersections(masks: Tensor) -> Tensor:
    """``[N, N]`` shared pixels of masks ``[N, H, W]``, by one matrix product."""
    pixels = masks.flatten(1).float()
    return pixels @ pixels.T


def match_pair_by_pair(
    vectors: Tensor,
    predicted_iou: Tensor,
    boxes: Tensor,
    areas: Tensor,
    intersections: Tensor,
    prototypes: Tensor,
    settings: MatchSettings,
) -> dict[int, float]:
    """Matching with soft merging, one pair of proposals at a time (docs/method.md, section 5).

    Returns:
        Proposal -> score of the detections.
    """
    similarities = (vectors @ prototypes.T).clamp(min=0)
    scores, labels = similarities.max(dim=1)
    kept: list[int] = []
    factors: dict[int, float] = {}
    for i in torch.argsort(predicted_iou, descending=True, stable=True).tolist():
        rivals = [j for j in kept if labels[j] == labels[i]]
        if any(_box_iou(boxes[i], boxes[j]) > settings.nms_iou for j in rivals):
            continue
        kept.append(i)
    kept = [i for i in kept[: settings.max_proposals] if scores[i] > 0 and areas[i] > 0]
    for place, i in enumerate(kept):
        covered = 0.0
        for j in kept[:place]:
            if labels[j] == labels[i]:
                cosine = max(0.0, float(F.cosine_similarity(vectors[i], vectors[j], dim=0)))
                covered = max(covered, float(intersections[i, j] / areas[i]) * cosine)
        factors[i] = max(0.0, 1 - covered) ** 0.5
    found = {i: float(scores[i]) * factors[i] for i in kept}
    best = sorted(found, key=lambda i: -found[i])[: settings.max_detections]
    return {i: found[i] for i in best}


def _box_iou(a: Tensor, b: Tensor) -> float:
    (ax1, ay1, ax2, ay2), (bx1, by1, bx2, by2) = a.tolist(), b.tolist()
    shared = max(0, min(ax2, bx2) - max(ax1, bx1)) * max(0, min(ay2, by2) - max(ay1, by1))
    union = (ax2 - ax1) * (ay2 - ay1) + (bx2 - bx1) * (by2 - by1) - shared
    return shared / union if union else 0.0
