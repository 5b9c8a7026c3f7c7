"""How far two runs over the same images agree, proposal by proposal and detection by detection."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from experiments.precision.recorder import Seen
from ntt.matching.match import match
from ntt.matching.settings import MatchSettings
from ntt.memory.clusters import kmeans


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
        "share with mask IoU > 0.9": float((iou > 0.9).float().mean()),
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
    """What becomes of the detections: those of one prompt and one class count as the same."""
    either, both, changes = 0, 0, []
    for pair in pairs:
        mine, theirs = (detections(seen, each) for seen, each in zip(pair, prototypes, strict=True))
        either += len(mine.keys() | theirs.keys())
        shared = mine.keys() & theirs.keys()
        both += len(shared)
        changes += [abs(mine[key] - theirs[key]) for key in shared]
    return {
        "detections in either": either,
        "share in both, same class": both / max(either, 1),
        "mean change of the score": sum(changes) / max(len(changes), 1),
    }


def detections(seen: Seen, prototypes: Tensor) -> dict[tuple[int, int], float]:
    """Score by (prompt, class), by the pipeline's matcher with its defaults."""
    found = seen.proposals
    areas, overlaps = found.areas, found.overlaps
    matched = match(found.vectors, found.predicted_iou, found.boxes_low, areas, overlaps, prototypes, MatchSettings())
    prompts = seen.prompts[matched.proposals].tolist()
    rows = zip(prompts, matched.labels.tolist(), matched.scores.tolist(), strict=True)
    return {(prompt, label): score for prompt, label, score in rows}
