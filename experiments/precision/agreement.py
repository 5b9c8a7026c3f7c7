"""How far two runs over the same images agree, proposal by proposal and detection by detection."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from experiments.precision.recorder import Seen
from ntt.matching.match import Detections, match
from ntt.matching.settings import MatchSettings
from ntt.reporting.clusters import kmeans

SAME_MASK = 0.9  # IoU above which two masks are taken for one


def common(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Positions in two ascending lists of prompts of those in both: int64 [K], [K]."""
    return torch.isin(first, second).nonzero().squeeze(1), torch.isin(second, first).nonzero().squeeze(1)


def mask_ious(first: Tensor, second: Tensor) -> Tensor:
    """IoU of each mask with its counterpart: bool [K, m, m] twice -> float32 [K]."""
    intersection = (first & second).flatten(1).sum(1)
    return intersection / (first | second).flatten(1).sum(1).clamp(min=1)


def proposal_agreement(pairs: Sequence[tuple[Seen, Seen]]) -> dict[str, float]:
    """Shares and means over the proposals of all images."""
    kept, both = 0, 0
    ious, cosines, differences = [], [], []
    for first, second in pairs:
        kept += len(torch.cat([first.prompts, second.prompts]).unique())
        one, other = common(first.prompts, second.prompts)
        both += len(one)
        ious.append(mask_ious(first.masks[one], second.masks[other]))
        if len(one):
            mine, theirs = first.proposals, second.proposals
            cosines.append(F.cosine_similarity(mine.vectors[one], theirs.vectors[other], dim=1))
            differences.append((mine.predicted_iou[one] - theirs.predicted_iou[other]).abs())
    iou = torch.cat(ious)
    return {
        "proposals in either": kept,
        "share in both": both / max(kept, 1),
        "mean mask IoU": float(iou.mean()),
        f"share with mask IoU > {SAME_MASK}": float((iou > SAME_MASK).float().mean()),
        "mean cosine of the vectors": float(torch.cat(cosines).mean()),
        "mean change of the predicted IoU": float(torch.cat(differences).mean()),
    }


def stand_in_prototypes(pairs: Sequence[tuple[Seen, Seen]], classes: int) -> tuple[Tensor, Tensor]:
    """Prototypes [C, D] in both precisions where there are no references: clusters of the proposals themselves.

    The first run's vectors are clustered; each run's prototypes are the means of its own vectors of the same prompts,
    so that they differ as prototypes of references would.
    """
    first, second = [], []
    for mine, theirs in pairs:
        one, other = common(mine.prompts, theirs.prompts)
        if len(one):
            first.append(mine.proposals.vectors[one])
            second.append(theirs.proposals.vectors[other])
    vectors = torch.cat(first), torch.cat(second)
    _, labels = kmeans(vectors[0], classes)
    members = F.one_hot(labels).float().T  # [C, N]
    members = members[members.sum(1) > 0]
    one, other = (F.normalize(members @ each, dim=1) for each in vectors)
    return one, other


def detection_agreement(pairs: Sequence[tuple[Seen, Seen]], prototypes: tuple[Tensor, Tensor]) -> dict[str, float]:
    """What becomes of the detections, matched by class and mask.

    Not by prompt: of two prompts on one object the suppression keeps the one of higher predicted IoU, which any
    rounding can decide.
    """
    either, both = 0, 0
    changes: list[float] = []
    for pair in pairs:
        mine, theirs = (
            match(seen.proposals, each, MatchSettings()) for seen, each in zip(pair, prototypes, strict=True)
        )
        first, second = same_detections(mine, pair[0].masks, theirs, pair[1].masks)
        either += len(mine.labels) + len(theirs.labels) - len(first)
        both += len(first)
        changes += (mine.scores[first] - theirs.scores[second]).abs().tolist()
    return {
        "detections in either": either,
        "share in both, same class": both / max(either, 1),
        "mean change of the score": sum(changes) / max(len(changes), 1),
    }


def same_detections(
    mine: Detections, my_masks: Tensor, theirs: Detections, their_masks: Tensor
) -> tuple[list[int], list[int]]:
    """Pairs of detections of one class whose masks' IoU is above 0.9, each detection in at most one pair.

    Args:
        mine, theirs: detections, best score first.
        my_masks, their_masks: bool [N, m, m] of all proposals.

    Returns:
        Positions in ``mine`` and in ``theirs``.
    """
    first: list[int] = []
    second: list[int] = []
    for i, (proposal, label) in enumerate(zip(mine.proposals.tolist(), mine.labels.tolist(), strict=True)):
        free = [j for j in (theirs.labels == label).nonzero().flatten().tolist() if j not in second]
        if not free:
            continue
        ious = mask_ious(my_masks[proposal].expand(len(free), -1, -1), their_masks[theirs.proposals[free]])
        if ious.max() > SAME_MASK:
            first.append(i)
            second.append(free[int(ious.argmax())])
    return first, second
