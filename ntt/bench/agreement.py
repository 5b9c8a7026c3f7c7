"""How far the outputs of the two sides agree, in words."""

from __future__ import annotations

from typing import Any

import torch
from pycocotools import mask as coco_mask
from torch import Tensor

from ntt.evaluation.coco import Metrics
from ntt.masks.overlaps import Overlaps
from ntt.masks.windowed import EncodedMasks
from ntt.matching.match import Detections
from ntt.segmenters.decoding import RawProposals


def same_tensors(plain: Tensor, ours: Tensor) -> str:
    """Largest difference against the size of the values."""
    difference = (plain.float() - ours.float()).abs().max() / plain.float().abs().max()
    return f"relative difference {float(difference):.1e}"


def same_proposals(plain: RawProposals, ours: RawProposals) -> str:
    """Of prompts: who is kept, how far predicted IoUs and logits differ, and which pixels change sides."""
    if len(plain) == len(ours) > 0:
        iou = float((plain.predicted_iou - ours.predicted_iou).abs().max())
        logits = float((plain.logits - ours.logits).abs().max())
        pixels = float(((plain.logits > 0) != (ours.logits > 0)).float().mean())
        return f"same {len(plain)} masks: IoU {iou:.1e}, logits {logits:.1e}, pixels {pixels:.1e}"
    if len(plain) == 0 or len(ours) == 0:
        return f"{len(plain)} and {len(ours)} masks"
    a, b = ((side.logits > 0).flatten(1).float() for side in (plain, ours))
    shared = a @ b.T
    overlap = shared / (a.sum(1, keepdim=True) + b.sum(1) - shared)
    return f"{len(plain)} and {len(ours)} masks, mean best IoU {float(overlap.amax(1).mean()):.4f}"


def same_masks(plain: tuple[list[dict[str, Any]], Tensor], ours: tuple[EncodedMasks, Overlaps]) -> str:
    """Of encoded masks and their overlaps: how many pixels and how many pairs differ.

    Args:
        plain: encodings, and ``[N, N]`` shared pixels.
        ours: the same.
    """
    (rles, shared), (encoded, overlaps) = plain, ours
    pixels = sum(
        int((coco_mask.decode(a) != coco_mask.decode(b)).sum())
        for a, b in zip(rles, encoded.rles, strict=True)
        if a != b
    )
    found = torch.zeros_like(shared, device="cpu")
    found[overlaps.rows.long(), overlaps.cols.long()] = overlaps.intersections.float()
    pairs = int((found != shared.cpu().triu(1)).sum())
    return f"{len(rles)} masks, {pixels} pixels differ; {len(overlaps.rows)} pairs, {pairs} differ"


def same_detections(plain: dict[int, float], ours: Detections) -> str:
    """Of detections: whether they are the same proposals, and how far their scores differ."""
    found = dict(zip(ours.proposals.tolist(), ours.scores.tolist(), strict=True))
    if found.keys() != plain.keys():
        return f"{len(found.keys() & plain.keys())} common of {len(plain)} and {len(found)} detections"
    difference = max((abs(found[i] - plain[i]) for i in plain), default=0.0)
    return f"same {len(plain)} detections, scores {difference:.1e}"


def same_figures(plain: Metrics, ours: Metrics) -> str:
    """Of COCO's figures: the largest difference."""
    differences = [abs(plain["bbox"][key] - ours["bbox"][key]) for key in plain["bbox"]]
    differences += [abs(plain["segm"][key] - ours["segm"][key]) for key in plain["segm"]]
    return f"24 figures, largest difference {max(differences):.1e}"
