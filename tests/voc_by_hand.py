"""PASCAL VOC 2007's average precision once more: object by object, in VOC's own way of counting pixels."""

from __future__ import annotations

Box = tuple[float, float, float, float]
"""xmin, ymin, xmax, ymax, counted from 1, the last pixel included."""


def from_one(bbox: list[float]) -> Box:
    """COCO's x, y, width, height in VOC's way of counting pixels."""
    x, y, width, height = bbox
    return x + 1, y + 1, x + width, y + height


def overlap(one: Box, other: Box) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0]) + 1
    height = min(one[3], other[3]) - max(one[1], other[1]) + 1
    shared = max(width, 0) * max(height, 0)
    areas = [(box[2] - box[0] + 1) * (box[3] - box[1] + 1) for box in (one, other)]
    return shared / (sum(areas) - shared)


def eleven_points(
    name: str, detections: list[tuple[float, str, Box]], truth: dict[str, list[tuple[str, Box, bool]]]
) -> float:
    """AP of a class: of detections (score, image, box) and of the objects (class, box, difficult) of each image."""
    own = {stem: [(box, hard) for other, box, hard in entries if other == name] for stem, entries in truth.items()}
    positives = sum(not hard for entries in own.values() for _, hard in entries)
    if positives == 0:
        return -1.0
    found, curve, right, wrong = set(), [], 0, 0
    for _, stem, box in sorted(detections, key=lambda detection: -detection[0]):
        best, which = max(((overlap(box, other), i) for i, (other, _) in enumerate(own[stem])), default=(0.0, -1))
        if best >= 0.5 and own[stem][which][1]:
            continue
        if best >= 0.5 and (stem, which) not in found:
            found.add((stem, which))
            right += 1
        else:
            wrong += 1
        curve.append((right / positives, right / (right + wrong)))
    highest = [max((p for r, p in curve if r >= tenth / 10 - 1e-9), default=0.0) for tenth in range(11)]
    return sum(highest) / 11
