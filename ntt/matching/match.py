"""One image's proposals against the prototypes: the paper's semantic-aware matching (docs/method.md, section 5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from ntt.masks.overlaps import Overlaps
from ntt.matching.merging import coverages, score_factors
from ntt.matching.nms import class_nms
from ntt.matching.scores import class_cosines, unit_vectors
from ntt.matching.screening import MANY, ManyClasses
from ntt.matching.settings import MatchSettings


class Matchable(Protocol):
    """What matching needs of an image's N proposals."""

    @property
    def vectors(self) -> Tensor:
        """[N, D] proposal vectors."""

    @property
    def predicted_iou(self) -> Tensor:
        """[N] the segmenter's own estimate of each mask's quality; it ranks the suppression."""

    @property
    def boxes_low(self) -> Tensor:
        """int [N, 4] xyxy on the segmenter's mask grid, inclusive corners."""

    @property
    def areas(self) -> Tensor:
        """int [N] pixels of the final masks, at the image's size."""

    @property
    def overlaps(self) -> Overlaps:
        """Shared pixels of the final masks."""


@dataclass(frozen=True)
class Candidates:
    """Proposals as loose tensors; see :class:`Matchable`."""

    vectors: Tensor
    predicted_iou: Tensor
    boxes_low: Tensor
    areas: Tensor
    overlaps: Overlaps


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


def prepare(prototypes: Tensor, settings: MatchSettings, fast: bool) -> Tensor | ManyClasses:
    """What :func:`match` takes for many images: the prototypes, or what finds the best of very many faster.

    Args:
        prototypes: [C, D] or [C, K, D].
        settings: of the matcher.
        fast: whether this machine multiplies in bfloat16.
    """
    many = fast and settings.scoring.best_cosine_only and prototypes.ndim == 2 and len(prototypes) >= MANY
    return ManyClasses(prototypes) if many else prototypes


def match(found: Matchable, prototypes: Tensor | ManyClasses, settings: MatchSettings) -> Detections:
    """Score, suppress and merge the proposals of one image.

    A proposal whose final mask has no pixel (it can vanish in an image smaller than the mask grid) takes part
    in the suppression, as in the published results, but is never a detection: it has neither mask nor box.

    Args:
        found: the image's proposals.
        prototypes: [C, D] one per class, [C, K, D] several, or very many prepared.
        settings: of the matcher.

    Returns:
        At most ``settings.max_detections`` detections; none for an image without proposals. Equal scores keep
        their rank order.
    """
    if len(found.vectors) == 0:
        nothing = torch.zeros(0, dtype=torch.int64)
        return Detections(nothing, nothing.clone(), torch.zeros(0))
    areas = found.areas
    units = unit_vectors(found.vectors)
    if isinstance(prototypes, ManyClasses):
        labels, cosines = prototypes.best(units)
        masks, scores = torch.arange(len(units)), cosines.clamp(min=0)
        labels = torch.where(scores == 0, 0, labels)  # as the published code has it: such ones suppress class 0
    else:
        cosines = class_cosines(units, prototypes)
        masks, labels, scores = settings.scoring.candidates(cosines, found.predicted_iou)
    kept = class_nms(found.boxes_low[masks], found.predicted_iou[masks], labels, settings.nms_iou)
    kept = kept[: settings.max_proposals]
    kept = kept[(scores[kept] > 0) & (areas[masks[kept]] > 0)]
    ranked, scores, labels = masks[kept], scores[kept], labels[kept]

    redundancy = torch.zeros_like(scores)
    kept = torch.ones_like(scores, dtype=torch.bool)
    if settings.rule.looks:
        for members, coverage in coverages(found.overlaps, areas, ranked, labels):
            some = units[ranked[members]]
            redundancy[members] = settings.rule.redundancy(coverage, some)
            kept[members] = settings.rule.kept(coverage, some)
    ranked, labels, scores = ranked[kept], labels[kept], (scores * score_factors(redundancy))[kept]

    best = torch.argsort(scores, descending=True, stable=True)[: settings.max_detections]
    return Detections(ranked[best], labels[best], scores[best])
