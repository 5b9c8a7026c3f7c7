"""One image's proposals against the prototypes: the paper's semantic-aware matching (docs/method.md, section 5)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ntt.masks.overlaps import Overlaps
from ntt.matching.merging import class_coverages, diffusion_redundancy, score_factors, soft_redundancy, swallowed
from ntt.matching.nms import class_nms
from ntt.matching.scores import best_classes, unit_vectors
from ntt.matching.settings import MatchSettings


@dataclass(frozen=True)
class Detections:
    """The detections of one image, best score first.

    Attributes:
        proposals: int64 [M] index of each detection among the image's proposals (its mask and box).
        labels: int64 [M] class, as a row of the prototypes.
        scores: float32 [M].
    """

    proposals: Tensor
    labels: Tensor
    scores: Tensor


def match(
    vectors: Tensor,
    predicted_iou: Tensor,
    boxes_low: Tensor,
    areas: Tensor,
    overlaps: Overlaps,
    prototypes: Tensor,
    settings: MatchSettings,
) -> Detections:
    """Score, suppress and merge the proposals of one image.

    A proposal whose final mask has no pixel (it can vanish in an image smaller than the mask grid) takes part
    in the suppression, as in the published results, but is never a detection: it has neither mask nor box.

    Args:
        vectors: [N, D] proposal vectors.
        predicted_iou: [N] the segmenter's own estimate of each mask's quality; it ranks the suppression.
        boxes_low: int [N, 4] xyxy on the segmenter's mask grid, inclusive corners.
        areas: int [N] pixels of the final masks, at the image's size.
        overlaps: shared pixels of the final masks.
        prototypes: [C, D] one per class.
        settings: of the matcher.

    Returns:
        At most ``settings.max_detections`` detections; none for an image without proposals. Equal scores keep
        their rank order.
    """
    if len(vectors) == 0:
        nothing = torch.zeros(0, dtype=torch.int64)
        return Detections(nothing, nothing.clone(), torch.zeros(0))
    units = unit_vectors(vectors)
    scores, labels = best_classes(units, prototypes)
    ranked = class_nms(boxes_low, predicted_iou, labels, settings.nms_iou)[: settings.max_proposals]
    ranked = ranked[(scores[ranked] > 0) & (areas[ranked] > 0)]
    scores, labels = scores[ranked], labels[ranked]

    redundancy = torch.zeros_like(scores)
    kept = torch.ones_like(scores, dtype=torch.bool)
    if settings.merge != "none":
        for members, coverage in class_coverages(overlaps, areas, ranked, labels):
            if settings.merge == "soft":
                redundancy[members] = soft_redundancy(coverage, units[ranked[members]])
            elif settings.merge == "hard":
                kept[members] = ~swallowed(coverage, settings.hard_coverage)
            else:
                redundancy[members] = diffusion_redundancy(
                    coverage,
                    alpha=settings.diffusion_alpha,
                    steps=settings.diffusion_steps,
                    tolerance=settings.diffusion_tolerance,
                    normalise=settings.diffusion_normalise,
                )
    ranked, labels, scores = ranked[kept], labels[kept], (scores * score_factors(redundancy))[kept]

    best = torch.argsort(scores, descending=True, stable=True)[: settings.max_detections]
    return Detections(ranked[best], labels[best], scores[best])
