"""The one reading of what an annotation draws: its mask in COCO's own form, where that lies, or why it has none.

References and ground truth are read here alike, before any network. Nothing is drawn that can be told without: lines
are measured all at once, and only what is thin or leaves its picture is rasterised to see whether a pixel is covered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from ntt.data.coco import Annotation, ImageRecord
from ntt.data.polygons import FARTHEST, NothingDrawn, Polygons, coco_polygons, measure, united_rle
from ntt.data.rle import run_lengths, runs_extent, runs_mask
from ntt.errors import InputError

Segmentation = dict[str, Any] | Polygons
OUT_OF_REACH = f"a polygon's coordinate is not a number or beyond {FARTHEST:.0f} pixels"


@dataclass(frozen=True)
class Masks:
    """The masks of N annotations.

    Attributes:
        segmentations: each in COCO's own form; None for an annotation without one, or with one that cannot be used.
        extents: float64 [N, 4], x1, y1, x2, y2 in pixels around each mask, right and bottom exclusive; NaN without one.
            Polygons' as they are written, so that they may leave their picture.
        faults: index -> why an annotation's segmentation cannot be used.
        empty: of these indices those whose segmentation can be read and covers no pixel.
    """

    segmentations: list[Segmentation | None]
    extents: NDArray[np.float64]
    faults: dict[int, str]
    empty: set[int]


def read_masks(annotations: Sequence[Annotation], images: Mapping[int, ImageRecord]) -> Masks:
    """Read the masks of annotations; what is wrong with one is in the result, not an error."""
    masks = Masks([None] * len(annotations), np.full((len(annotations), 4), np.nan), {}, set())
    drawn: list[int] = []
    for index, annotation in enumerate(annotations):
        image = images[annotation.image_id]
        try:
            if annotation.segmentation is None:
                continue
            if isinstance(annotation.segmentation, list) and not _wrapped_rle(annotation.segmentation):
                masks.segmentations[index] = coco_polygons(annotation.segmentation)
                drawn.append(index)
            else:
                masks.segmentations[index], masks.extents[index] = _rle(annotation.segmentation, image)
        except (ValueError, RecursionError) as error:
            reason = str(error) if isinstance(error, ValueError) else "its segmentation is nested too deep"
            _refuse(masks, index, reason, empty=isinstance(error, NothingDrawn))
    _measure(annotations, images, masks, drawn)
    return masks


def mask_area(segmentation: Segmentation, height: int, width: int) -> float:
    """Pixels of a sound mask."""
    if isinstance(segmentation, list):
        return float(coco_mask.area(united_rle(segmentation, height, width)))
    return float(run_lengths(segmentation, height, width)[1::2].sum())


def mask_box(segmentation: Segmentation, height: int, width: int) -> tuple[float, float, float, float]:
    """(x, y, width, height) around the pixels of a sound mask."""
    if isinstance(segmentation, list):
        x, y, w, h = map(float, coco_mask.toBbox(united_rle(segmentation, height, width)))
        return x, y, w, h
    extent = runs_extent(run_lengths(segmentation, height, width), height)
    assert extent is not None
    x1, y1, x2, y2 = map(float, extent)
    return x1, y1, x2 - x1, y2 - y1


def _wrapped_rle(segmentation: list[Any]) -> bool:
    return len(segmentation) == 1 and isinstance(segmentation[0], dict) and "counts" in segmentation[0]


def _rle(segmentation: dict[str, Any] | list[Any], image: ImageRecord) -> tuple[Segmentation, Any]:
    rle: Any = segmentation[0] if isinstance(segmentation, list) else segmentation
    if not isinstance(rle, dict):
        raise ValueError(f"its segmentation {rle!r:.40} is neither polygons nor an RLE")
    runs = run_lengths(rle, image.height, image.width)
    extent = runs_extent(runs, image.height)
    if extent is None:
        raise NothingDrawn("its RLE covers no pixel")
    numbers = rle["size"] if isinstance(rle["counts"], (str, bytes)) else [*rle["size"], *rle["counts"]]
    if any(type(number) is not int for number in numbers):
        rle = {"size": [image.height, image.width], "counts": runs.tolist()}  # of whole floats
    return rle, extent


def _measure(
    annotations: Sequence[Annotation], images: Mapping[int, ImageRecord], masks: Masks, drawn: list[int]
) -> None:
    """Fill in the extents of polygons, and refuse those that are no numbers or cover no pixel."""
    if not drawn:
        return
    lists: list[Any] = [masks.segmentations[index] for index in drawn]
    try:
        measures = measure(lists)
    except (TypeError, ValueError, OverflowError):
        if len(drawn) > 1:  # some list holds what is no number: halves find it
            middle = len(drawn) // 2
            _measure(annotations, images, masks, drawn[:middle])
            _measure(annotations, images, masks, drawn[middle:])
            return
        _refuse(masks, drawn[0], "its segmentation holds what is no number")
        return
    sides = np.array([[images[annotations[i].image_id].width, images[annotations[i].image_id].height] for i in drawn])
    inside = (measures.extents[:, :2] >= 0).all(axis=1) & (measures.extents[:, 2:] <= sides).all(axis=1)
    # What encloses more than a pixel along all of its line covers one.
    plain = measures.sound & inside & (measures.areas > measures.lengths + 1)
    masks.extents[drawn] = measures.extents
    for position in np.flatnonzero(~plain):
        index, (width, height) = drawn[position], sides[position].tolist()
        x1, y1, x2, y2 = measures.extents[position]
        if not measures.sound[position]:
            _refuse(masks, index, OUT_OF_REACH)
        elif x2 <= 0 or y2 <= 0 or x1 >= width or y1 >= height:
            _refuse(masks, index, f"its polygons lie outside their {width}x{height} picture", empty=True)
        elif not coco_mask.area(united_rle(lists[position], height, width)):
            _refuse(masks, index, "its polygons cover no pixel", empty=True)


def _refuse(masks: Masks, index: int, fault: str, empty: bool = False) -> None:
    masks.segmentations[index] = None
    masks.extents[index] = np.nan
    masks.faults[index] = fault
    if empty:
        masks.empty.add(index)


def annotation_mask(annotation: Annotation, height: int, width: int) -> NDArray[np.uint8]:
    """The annotation's mask, uint8 [H, W] of 0 and 1, on ``height`` x ``width`` pixels, drawn by COCO's own rule.

    Raises:
        InputError: the annotation has no segmentation, or one that cannot be used.
    """
    if annotation.segmentation is None:
        raise InputError(
            f"annotation {annotation.id} has a box but no segmentation; give it one, or turn boxes into masks first"
        )
    image = ImageRecord(annotation.image_id, "", height, width)
    masks = read_masks([annotation], {annotation.image_id: image})
    if masks.empty:
        return np.zeros((height, width), dtype=np.uint8)
    if masks.faults:
        raise InputError(
            f"annotation {annotation.id} has a segmentation that cannot be drawn on its {width}x{height} "
            f"image ({masks.faults[0]}); mend it or remove the annotation"
        )
    segmentation = masks.segmentations[0]
    if isinstance(segmentation, dict):
        return runs_mask(run_lengths(segmentation, height, width), height, width)
    assert segmentation is not None
    return np.ascontiguousarray(coco_mask.decode(united_rle(segmentation, height, width)))
