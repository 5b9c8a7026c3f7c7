"""What became of each proposal on its way to a detection: :func:`ntt.matching.match.match`, with every step kept."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import torch
from torch import Tensor

from ntt.masks.overlaps import Overlaps
from ntt.matching.match import Detections, Matchable
from ntt.matching.merging import coverages, score_factors
from ntt.matching.nms import class_nms
from ntt.matching.scores import class_cosines, unit_vectors
from ntt.matching.settings import MatchSettings


class Step(IntEnum):
    """How far a candidate came, in the order of the matcher."""

    SUPPRESSED = 0
    CROWDED_OUT = 1
    UNLIKE = 2
    MERGED = 3
    BEYOND_LAST = 4
    DETECTED = 5


@dataclass(frozen=True)
class Steps:
    """The K candidates of an image: a proposal with a class that it may be of.

    Attributes:
        cosines: float32 [N, C], of all proposals with all classes.
        proposals: int64 [K].
        labels: int64 [K], rows of the prototypes.
        scores: float32 [K], before merging.
        merged: float32 [K], after merging; equal to ``scores`` where merging was not reached.
        ended: int64 [K], a :class:`Step`.
        by: int64 [K], the candidate that suppressed this one, or the earlier one of its class whose mask holds most of
            it and resembles it most; -1 where there is none.
        detected: int64 [M], candidates that became detections, best score first.
    """

    cosines: Tensor
    proposals: Tensor
    labels: Tensor
    scores: Tensor
    merged: Tensor
    ended: Tensor
    by: Tensor
    detected: Tensor

    def detections(self) -> Detections:
        """The same as :func:`ntt.matching.match.match` returns."""
        kept = self.detected
        return Detections(self.proposals[kept], self.labels[kept], self.merged[kept])


def follow(found: Matchable, prototypes: Tensor, settings: MatchSettings) -> Steps:
    """Match one image's proposals and keep what each step did to them.

    Args:
        found: the image's N proposals.
        prototypes: [C, D] one per class, or [C, K, D] several.
        settings: of the matcher.
    """
    units = unit_vectors(found.vectors) if len(found.vectors) else found.vectors.new_zeros(0, prototypes.shape[-1])
    cosines = class_cosines(units.float(), prototypes)
    masks, labels, scores = settings.scoring.candidates(cosines, found.predicted_iou)
    boxes, ranking = found.boxes_low[masks], found.predicted_iou[masks]
    survivors = class_nms(boxes, ranking, labels, settings.nms_iou) if len(masks) else masks
    ended = torch.full_like(masks, Step.SUPPRESSED)
    by = _suppressors(boxes, labels, survivors, settings.nms_iou)
    ended[survivors] = Step.CROWDED_OUT
    kept = survivors[: settings.max_proposals]
    ended[kept] = Step.UNLIKE
    kept = kept[(scores[kept] > 0) & (found.areas[masks[kept]] > 0)]

    merged = scores.clone()
    stays = torch.ones_like(kept, dtype=torch.bool)
    if settings.rule.looks and len(kept):
        _merge(found.areas, found.overlaps, units, settings, masks, labels, kept, merged, stays, by)
    ended[kept] = Step.MERGED
    kept = kept[stays]
    ended[kept] = Step.BEYOND_LAST
    detected = kept[torch.argsort(merged[kept], descending=True, stable=True)[: settings.max_detections]]
    ended[detected] = Step.DETECTED
    return Steps(cosines, masks, labels, scores, merged, ended, by, detected)


def _merge(
    areas: Tensor,
    overlaps: Overlaps,
    units: Tensor,
    settings: MatchSettings,
    masks: Tensor,
    labels: Tensor,
    kept: Tensor,
    merged: Tensor,
    stays: Tensor,
    by: Tensor,
) -> None:
    """Fill ``merged``, ``stays`` and ``by`` of the candidates ``kept``, as the rule says."""
    for members, coverage in coverages(overlaps, areas, masks[kept], labels[kept]):
        some, these = units[masks[kept[members]]], kept[members]
        merged[these] *= score_factors(settings.rule.redundancy(coverage, some))
        stays[members] = settings.rule.kept(coverage, some)
        weight, holder = ((some @ some.T).clamp(min=0) * coverage).max(dim=1)
        by[these] = torch.where(weight > 0, these[holder], -1)


def _suppressors(boxes: Tensor, labels: Tensor, survivors: Tensor, iou: float) -> Tensor:
    """int64 [K]: of each candidate that suppression dropped, the best-ranked survivor that did it; else -1."""
    by = torch.full_like(labels, -1)
    if not len(survivors):
        return by
    lost = torch.ones_like(labels, dtype=torch.bool)
    lost[survivors] = False
    places = lost.nonzero()[:, 0]
    one, other = boxes[places].float()[:, None], boxes[survivors].float()[None]  # [L, 1, 4], [1, S, 4]
    sides = (torch.minimum(one[..., 2:], other[..., 2:]) - torch.maximum(one[..., :2], other[..., :2])).clamp(min=0)
    shared = sides.prod(-1)
    union = (one[..., 2:] - one[..., :2]).prod(-1) + (other[..., 2:] - other[..., :2]).prod(-1) - shared
    rivals = (shared / union > iou) & (labels[places][:, None] == labels[survivors][None])  # [L, S], by rank
    by[places] = torch.where(rivals.any(1), survivors[rivals.int().argmax(1)], -1)
    return by
