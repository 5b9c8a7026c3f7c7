"""Why an object was missed: the step at which the last proposal that could have found it was lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from ntt.reasons.steps import Step, Steps

COVERS = 0.1
"""IoU below which a proposal is not about an object at all."""
HIT = 0.5
"""IoU of a hit, as in AP50."""


class Cause(StrEnum):
    """Where an object was lost; the later one where several proposals could have found it."""

    UNCOVERED = "no proposal covers it"
    LOOSE = "no proposal reaches the IoU"
    CLASS = "taken for another class"
    SUPPRESSED = "suppressed by a box of its class"
    CROWDED_OUT = "beyond matcher.max_proposals"
    UNLIKE = "resembles no class"
    MERGED = "dropped by merging"
    LOW = "score below the one asked for"
    SHRUNK = "score lowered by merging"
    BEYOND_LAST = "below the last detection kept"
    TAKEN = "its detection counts for another object"


_LOST_AT = {
    Step.SUPPRESSED: Cause.SUPPRESSED,
    Step.CROWDED_OUT: Cause.CROWDED_OUT,
    Step.UNLIKE: Cause.UNLIKE,
    Step.MERGED: Cause.MERGED,
}
_LATEST = list(Cause)


@dataclass(frozen=True)
class Fate:
    """What became of one object.

    Attributes:
        cause: None where it was found.
        proposal: the proposal that found it or came nearest to finding it; None where the image has none.
        iou: of that proposal with the object.
        candidate: the row of :class:`Steps` that tells more; None where no proposal of its class reaches the IoU.
    """

    cause: Cause | None
    proposal: int | None
    iou: float
    candidate: int | None


def fates(
    ious: NDArray[np.float64], labels: Sequence[int], steps: Steps, score: float = 0.0, hit: float = HIT
) -> list[Fate]:
    """The fate of each of an image's T objects.

    Args:
        ious: [T, N] of the objects with all proposals.
        labels: of the objects, rows of the prototypes.
        steps: of the image.
        score: detections below it do not count.
        hit: IoU from which a detection finds an object of its class.
    """
    finders = found_by(ious, labels, steps, score, hit)
    return [_fate(ious[t], labels[t], steps, finders[t], score, hit) for t in range(len(labels))]


def found_by(
    ious: NDArray[np.float64], labels: Sequence[int], steps: Steps, score: float = 0.0, hit: float = HIT
) -> list[int | None]:
    """The candidate that finds each object, by COCO's rule at one IoU: the best detection first, each takes the object
    of its class that it overlaps most and that no better one took. Arguments as of :func:`fates`."""
    finders: list[int | None] = [None] * len(labels)
    for candidate in steps.detected.tolist():
        if float(steps.merged[candidate]) < score:
            break
        label, proposal = int(steps.labels[candidate]), int(steps.proposals[candidate])
        free = [t for t, of in enumerate(labels) if of == label and finders[t] is None and ious[t, proposal] >= hit]
        if free:
            finders[max(free, key=lambda t: float(ious[t, proposal]))] = candidate
    return finders


def _fate(ious: NDArray[np.float64], label: int, steps: Steps, finder: int | None, score: float, hit: float) -> Fate:
    if finder is not None:
        proposal = int(steps.proposals[finder])
        return Fate(None, proposal, float(ious[proposal]), finder)
    best = int(ious.argmax()) if len(ious) else None
    if best is None or ious[best] < COVERS:
        return Fate(Cause.UNCOVERED, best, float(ious[best]) if best is not None else 0.0, None)
    if ious[best] < hit:
        return Fate(Cause.LOOSE, best, float(ious[best]), None)
    able = ious[steps.proposals.numpy()] >= hit
    own = (able & (steps.labels.numpy() == label)).nonzero()[0].tolist()
    if not own:
        return Fate(Cause.CLASS, best, float(ious[best]), None)
    last = float(steps.merged[steps.detected[-1]]) if len(steps.detected) else 0.0
    causes = {candidate: _cause(steps, candidate, score, last) for candidate in own}
    # Of those that came equally far, the one that fits the object best.
    told = max(own, key=lambda c: (_LATEST.index(causes[c]), float(ious[int(steps.proposals[c])])))
    proposal = int(steps.proposals[told])
    return Fate(causes[told], proposal, float(ious[proposal]), told)


def _cause(steps: Steps, candidate: int, score: float, last: float) -> Cause:
    step = Step(int(steps.ended[candidate]))
    if step in _LOST_AT:
        return _LOST_AT[step]
    before, after = float(steps.scores[candidate]), float(steps.merged[candidate])
    if step == Step.DETECTED and after >= score:
        return Cause.TAKEN
    if step == Step.DETECTED or after < score:
        return Cause.SHRUNK if before >= score else Cause.LOW
    return Cause.SHRUNK if before > last else Cause.BEYOND_LAST
