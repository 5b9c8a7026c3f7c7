"""Which annotations of a file can be used, what had to be derived for them, and what is wrong with the others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ntt.data.coco import NO_BOX, Annotation, CocoDataset, ImageRecord
from ntt.data.consistency import BoxCheck, check_boxes
from ntt.data.geometry import Masks, Segmentation, mask_area, mask_box, read_masks

NAMED = 10  # entries that a message lists one by one


@dataclass
class Findings:
    """What was found in some annotations of one file; ids and reasons, in the file's order.

    Attributes:
        path: of the file.
        checked: how many annotations were looked at.
        unusable: (annotation id, reason) of those that cannot be used.
        boxes: (annotation id, reason) of those whose box was taken from the mask.
        areas: how many areas were taken from the masks.
        crowds: how many of them are crowds.
        form: how the file writes its boxes where that is not COCO's way.
    """

    path: Path
    checked: int = 0
    unusable: list[tuple[int, str]] = field(default_factory=list)
    boxes: list[tuple[int, str]] = field(default_factory=list)
    areas: int = 0
    crowds: int = 0
    form: str | None = None

    def counts(self) -> dict[str, int]:
        """What is not zero, for metrics.json."""
        every = {
            "left_out": len(self.unusable),
            "boxes_from_masks": len(self.boxes),
            "areas_from_masks": self.areas,
            "crowds": self.crowds,
        }
        return {key: count for key, count in every.items() if count}


def check_annotations(
    dataset: CocoDataset, annotations: Sequence[Annotation], masks_needed: bool, prompted: bool = False
) -> tuple[list[Annotation], Findings]:
    """Look at annotations of a file: which of them can be used.

    A box that contradicts its mask, or none, is replaced by the mask's, an area that the file lacks likewise. Masks are
    brought into COCO's own form; what needs no change is returned as it is.

    Args:
        dataset: the file.
        annotations: of it, those that matter.
        masks_needed: whether an annotation with a box only is of no use. Otherwise it is if others have masks.
        prompted: whether a box or clicks suffice, because the segmenter makes the mask that is missing.

    Returns:
        The usable annotations, in order, and the findings; both are kept with the dataset and not to be changed.
    """
    return dataset.derived.of(
        ("sound", masks_needed, prompted),
        annotations,
        lambda: _check(dataset, annotations, masks_needed, prompted),
    )


def _check(
    dataset: CocoDataset, annotations: Sequence[Annotation], masks_needed: bool, prompted: bool
) -> tuple[list[Annotation], Findings]:
    findings = Findings(dataset.path, len(annotations), crowds=sum(a.iscrowd for a in annotations))
    if not annotations:
        return [], findings
    masks = read_masks(annotations, dataset.images)
    pictures = [dataset.images[annotation.image_id] for annotation in annotations]
    sides = np.array([[picture.width, picture.height] for picture in pictures], dtype=np.float64)
    boxes = check_boxes(np.array([a.bbox for a in annotations], dtype=np.float64), masks.extents, sides)
    findings.form = boxes.form
    masked = sum(segmentation is not None for segmentation in masks.segmentations)
    sound = []
    for index, annotation in enumerate(annotations):
        reason = _reason(index, annotation, masks, boxes, masks_needed, masked, prompted)
        if reason:
            findings.unusable.append((annotation.id, _placed(dataset, annotation, reason)))
            continue
        mask = masks.segmentations[index]
        contradicts = bool(boxes.contradicts[index])
        if mask is not None:
            annotation = _repaired(annotation, mask, contradicts, pictures[index], findings)
        elif annotation.faults:  # of a box, where clicks suffice
            annotation = replace(annotation, faults=None, bbox=NO_BOX)
        sound.append(annotation)
    return sound, findings


def _placed(dataset: CocoDataset, annotation: Annotation, reason: str) -> str:
    place = dataset.places.get(annotation.id)
    return f"{place}: {reason}" if place else reason


def _reason(
    index: int, annotation: Annotation, masks: Masks, boxes: BoxCheck, masks_needed: bool, masked: int, prompted: bool
) -> str | None:
    """Why an annotation cannot be used; None if it can."""
    faults = annotation.faults or {}
    if reason := faults.get("iscrowd") or faults.get("segmentation") or masks.faults.get(index):
        return reason
    if masks.segmentations[index] is not None:
        return None
    if prompted and annotation.points:
        return None
    if reason := faults.get("points") or faults.get("bbox") or boxes.faults.get(index):
        return reason
    if prompted:
        return None
    if masks_needed:
        return "it has a box but no mask (segmentation)"
    return f"it has a box but no mask (segmentation), while {masked} others have one" if masked else None


def _repaired(
    annotation: Annotation, segmentation: Segmentation, box_contradicts: bool, picture: ImageRecord, findings: Findings
) -> Annotation:
    """The annotation with what had to be derived from its mask; itself where nothing had."""
    changes: dict[str, Any] = {}
    if segmentation is not annotation.segmentation:
        changes["segmentation"] = segmentation
    if annotation.faults:
        changes["faults"] = None
    if box_contradicts:
        changes["bbox"] = box = mask_box(segmentation, picture.height, picture.width)
        given = (annotation.faults or {}).get("bbox") or f"its bbox {_shown(annotation.bbox)} is not around its mask"
        findings.boxes.append((annotation.id, f"{given}; its mask spans {_shown(box)}"))
    if math.isnan(annotation.area):
        changes["area"] = mask_area(segmentation, picture.height, picture.width)
        findings.areas += 1
    return replace(annotation, **changes) if changes else annotation


def _shown(box: Sequence[float]) -> str:
    return "[" + ", ".join(f"{number:g}" for number in box) + "]"


def listed(entries: Sequence[tuple[int, str]], most: int = NAMED) -> str:
    """Annotations and what is wrong with them, the first few one by one."""
    shown = "; ".join(f"annotation {identity}: {reason}" for identity, reason in entries[:most])
    return shown + (f"; and {len(entries) - most} more" if len(entries) > most else "")
