"""The kinds of errors that TIDE tells apart (Bolya et al., ECCV 2020), of the detections and objects of one image."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

FOREGROUND, BACKGROUND = 0.5, 0.1  # IoU: TIDE's two thresholds


class Kind(StrEnum):
    """Of a false alarm."""

    CLASSIFICATION = "class"
    LOCALISATION = "location"
    BOTH = "class and location"
    DUPLICATE = "duplicate"
    BACKGROUND = "background"


def error_kind(ious: NDArray[np.float64], label: int, labels: Sequence[int]) -> Kind:
    """The kind of a false alarm, by its overlaps with all T objects of its image.

    Args:
        ious: [T].
        label: of the detection.
        labels: of the objects.
    """
    same = np.array([of == label for of in labels], dtype=bool)
    ours = float(ious[same].max(initial=0.0))
    others = float(ious[~same].max(initial=0.0))
    if BACKGROUND <= ours < FOREGROUND:
        return Kind.LOCALISATION
    if others >= FOREGROUND:
        return Kind.CLASSIFICATION
    if ours >= FOREGROUND:
        return Kind.DUPLICATE
    return Kind.BACKGROUND if max(ours, others) < BACKGROUND else Kind.BOTH
