"""Whether the boxes of a file are what COCO's are: [x, y, width, height] in pixels, around their masks.

One look over all annotations, for a single box of another form can pass for one of this: [x1, y1, x2, y2] of an object
near the picture's corner is nearly its [x, y, width, height].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

_CONTRADICTS = 0.5  # IoU below which a box and its mask are about different things
_AGREES = 0.9  # IoU from which a box is drawn around the mask, by whatever rule of rounding
_SHARE = 0.3  # of the boxes that agree by another form only: so many are no accident
_LEAVES = 2.0  # pixels by which a box may leave its picture, by rounding


@dataclass(frozen=True)
class BoxCheck:
    """What came out for N boxes.

    Attributes:
        contradicts: bool [N], boxes that are not around their mask, or that the file's form makes doubtful.
        faults: index -> what is wrong with a box that has no mask to judge it by.
        form: how the file writes its boxes, where that is not COCO's way; None where it is.
    """

    contradicts: NDArray[np.bool_]
    faults: dict[int, str]
    form: str | None


def check_boxes(boxes: Numbers, extents: Numbers, sides: Numbers) -> BoxCheck:
    """Compare boxes with their masks and pictures.

    Args:
        boxes: [N, 4], x, y, width, height as the file has them; NaN where it has none that could be read.
        extents: [N, 4], x1, y1, x2, y2 around the masks; NaN where there is none.
        sides: [N, 2], width and height of the pictures.
    """
    masked = np.asarray(~np.isnan(extents).any(axis=1))
    read = np.asarray(~np.isnan(boxes).any(axis=1))
    contradicts: NDArray[np.bool_] = np.asarray(masked & ~read)
    faults: dict[int, str] = {}
    form = None
    both = np.flatnonzero(masked & read)
    if len(both):
        overlaps = {name: _iou(box, extents[both]) for name, box in _forms(boxes[both], sides[both]).items()}
        own = overlaps.pop(_COCO)
        contradicts[both] = own < _CONTRADICTS
        otherwise = {name: (found >= _AGREES) & (found > own) & (own < _AGREES) for name, found in overlaps.items()}
        name = max(otherwise, key=lambda name: int(otherwise[name].sum()))
        if otherwise[name].mean() >= _SHARE:
            form = name
            contradicts[both] |= own < _AGREES
    bare = np.flatnonzero(read & ~masked)
    if len(bare):
        suspected = _form_without_masks(boxes[bare], sides[bare])
        form = form or suspected
        for index in bare:
            fault = _fault(boxes[index], sides[index])
            if suspected:
                fault = f"its bbox {_shown(boxes[index])} looks like {suspected}, not {_COCO}"
            if fault:
                faults[int(index)] = fault
    return BoxCheck(contradicts, faults, form)


_COCO = "[x, y, width, height] in pixels"


def _forms(boxes: Numbers, sides: Numbers) -> dict[str, Numbers]:
    """Where the boxes would be, x1, y1, x2, y2, if their four numbers were meant in each of the usual ways."""
    a, b, c, d = boxes.T
    scale = np.concatenate([sides, sides], axis=1)
    fa, fb, fc, fd = (boxes * scale).T
    pa, pb, pc, pd = (boxes * scale / 100).T
    corners = {
        _COCO: (a, b, a + c, b + d),
        "[x1, y1, x2, y2]": (a, b, c, d),
        "[y1, x1, y2, x2]": (b, a, d, c),
        "[y, x, height, width]": (b, a, b + d, a + c),
        "[x, y, height, width]": (a, b, a + d, b + c),
        "[x, y, width, height] from the centre": (a - c / 2, b - d / 2, a + c / 2, b + d / 2),
        "fractions of the picture": (fa, fb, fa + fc, fb + fd),
        "fractions of the picture [x1, y1, x2, y2]": (fa, fb, fc, fd),
        "fractions of the picture from the centre": (fa - fc / 2, fb - fd / 2, fa + fc / 2, fb + fd / 2),
        "per cent of the picture": (pa, pb, pa + pc, pb + pd),
    }
    return {name: np.stack(sides_, axis=1) for name, sides_ in corners.items()}


def _iou(first: Numbers, second: Numbers) -> Numbers:
    """[N] of boxes x1, y1, x2, y2, each made a pixel larger: tools differ in whether the last one counts."""
    low = np.maximum(first[:, :2], second[:, :2])
    high = np.minimum(first[:, 2:], second[:, 2:])
    shared = np.clip(high - low + 1, 0, None).prod(axis=1)
    areas = [np.clip(box[:, 2:] - box[:, :2] + 1, 0, None).prod(axis=1) for box in (first, second)]
    result: Numbers = shared / np.maximum(areas[0] + areas[1] - shared, 1e-9)
    degenerate = (first[:, 2:] <= first[:, :2]).any(axis=1)
    result[degenerate] = 0.0
    return result


def _form_without_masks(boxes: Numbers, sides: Numbers) -> str | None:
    """The form that boxes without masks are in, where their pictures rule out COCO's."""
    if (boxes >= 0).all() and (boxes <= 1).all() and (sides > 4).all() and boxes.max() > 0:
        return "fractions of the picture"
    corner = boxes[:, :2] + boxes[:, 2:]
    leaves = (corner > sides + _LEAVES).any(axis=1)
    ordered = (boxes[:, 2:] > boxes[:, :2]).all() and (boxes[:, 2:] <= sides + _LEAVES).all()
    if leaves.any() and ordered and (len(boxes) > 2 or leaves.all()):
        return "[x1, y1, x2, y2]"
    swapped = (boxes[:, :2] + boxes[:, 3:1:-1] <= sides + _LEAVES).all(), (corner[:, ::-1] <= sides + _LEAVES).all()
    if leaves.mean() >= _SHARE and any(swapped):
        return "[x, y, height, width]" if swapped[0] else "[y, x, height, width]"
    return None


def _shown(box: Numbers) -> str:
    return "[" + ", ".join(f"{number:g}" for number in box) + "]"


def _fault(box: Numbers, sides: Numbers) -> str | None:
    x, y, width, height = box.tolist()
    shown = _shown(box)
    if width <= 0 or height <= 0:
        return f"its bbox {shown} has no positive width and height"
    across = min(x + width, sides[0]) - max(x, 0)
    down = min(y + height, sides[1]) - max(y, 0)
    if across <= 0 or down <= 0:
        return f"its bbox {shown} lies outside its {sides[0]:.0f}x{sides[1]:.0f} picture"
    if across * down < width * height / 2:
        return f"its bbox {shown} is for the most part outside its {sides[0]:.0f}x{sides[1]:.0f} picture"
    return None
