"""Ground truth beside predictions, drawn on the image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from ntt.reporting.colours import INK, UNKNOWN, Colour
from ntt.reporting.drawing import Box, draw_plate, header_strip, paint_mask, plate_size, resize_mask, shorten

MIN_SIDE = 480  # pixels: smaller images are enlarged until labels are legible
MAX_SIDE = 1280  # pixels: larger ones are reduced
GAP = 8  # pixels between the two panels
MASK_ALPHA = 0.4
WEAK_SHOWN = 3  # predictions shown when none reaches the threshold


@dataclass(frozen=True, eq=False)
class Instance:
    """One object to draw.

    Attributes:
        mask: uint8 [H, W], 0 outside, at the image's size; None draws only the box.
        box: x1, y1, x2, y2 in pixels of the image, inclusive.
        label: class name.
        score: None for ground truth.
    """

    mask: np.ndarray | None
    box: Box
    label: str
    score: float | None = None


def side_by_side(
    image: np.ndarray,
    ground_truth: Sequence[Instance],
    predictions: Sequence[Instance],
    colours: Mapping[str, Colour],
    score_threshold: float = 0.3,
    most: int = 20,
) -> Image.Image:
    """Ground truth on the left, predictions on the right.

    Args:
        image: uint8 [H, W, 3] RGB.
        ground_truth: all are drawn.
        predictions: the ``most`` best at or above ``score_threshold`` are drawn; if there is none, the best
            few, and the header says so.
        colours: per label, from ``class_colours``; other labels are grey.
        score_threshold: see ``predictions``.
        most: see ``predictions``.
    """
    shown, predictions_header = _select(predictions, score_threshold, most)
    count = len(ground_truth)
    left = _panel(image, ground_truth, colours, f"ground truth: {count} object{'' if count == 1 else 's'}")
    right = _panel(image, shown, colours, predictions_header)
    sheet = Image.new("RGB", (left.width + GAP + right.width, left.height), INK)
    sheet.paste(left, (0, 0))
    sheet.paste(right, (left.width + GAP, 0))
    return sheet


def single(
    image: np.ndarray,
    predictions: Sequence[Instance],
    colours: Mapping[str, Colour],
    score_threshold: float = 0.0,
    most: int = 20,
) -> Image.Image:
    """Predictions alone, for an image without ground truth; see :func:`side_by_side`."""
    shown, header = _select(predictions, score_threshold, most)
    return _panel(image, shown, colours, header)


def _select(predictions: Sequence[Instance], threshold: float, most: int) -> tuple[list[Instance], str]:
    ranked = sorted(predictions, key=lambda instance: instance.score or 0.0, reverse=True)
    above = [instance for instance in ranked if (instance.score or 0.0) >= threshold]
    if not ranked:
        return [], "predictions: none"
    if not above:
        weak = ranked[:WEAK_SHOWN]
        return weak, f"predictions: none with score >= {threshold:g}, best {len(weak)} of {len(ranked)} shown"
    if len(above) > most:
        return above[:most], f"predictions (score >= {threshold:g}): best {most} of {len(above)} shown"
    return above, f"predictions (score >= {threshold:g}): {len(above)} of {len(ranked)}"


def _panel(image: np.ndarray, instances: Sequence[Instance], colours: Mapping[str, Colour], header: str) -> Image.Image:
    height, width = image.shape[:2]
    scale = min(max(1.0, MIN_SIDE / min(height, width)), MAX_SIDE / max(height, width))
    width, height = max(1, round(width * scale)), max(1, round(height * scale))
    text_size = int(np.clip(min(width, height) / 34, 13, 22))
    line = 2 if min(width, height) < 800 else 3

    base = Image.fromarray(image).resize((width, height), Image.Resampling.LANCZOS)
    canvas = np.asarray(base).astype(np.float32)
    # Large objects first: the small ones on them stay visible.
    for instance in sorted(instances, key=_box_area, reverse=True):
        if instance.mask is not None:
            mask = resize_mask(instance.mask, width, height)
            paint_mask(canvas, mask, colours.get(instance.label, UNKNOWN), MASK_ALPHA, line)
    painted = Image.fromarray(canvas.round().astype(np.uint8))

    draw = ImageDraw.Draw(painted)
    boxes = [_scaled(instance.box, scale, width, height) for instance in instances]
    for instance, box in zip(instances, boxes, strict=True):
        draw.rectangle(box, outline=colours.get(instance.label, UNKNOWN), width=line - 1)
    _draw_labels(draw, instances, boxes, colours, text_size, width, height)

    strip = header_strip(header, width, text_size + 2)
    panel = Image.new("RGB", (width, strip.height + height))
    panel.paste(strip, (0, 0))
    panel.paste(painted, (0, strip.height))
    return panel


def _box_area(instance: Instance) -> float:
    x1, y1, x2, y2 = instance.box
    return (x2 - x1 + 1) * (y2 - y1 + 1)


def _scaled(box: Box, scale: float, width: int, height: int) -> tuple[int, int, int, int]:
    x1, y1, x2, y2 = box
    left, top = min(max(0, int(x1 * scale)), width - 1), min(max(0, int(y1 * scale)), height - 1)
    right = min(max(left, int((x2 + 1) * scale) - 1), width - 1)
    bottom = min(max(top, int((y2 + 1) * scale) - 1), height - 1)
    return left, top, right, bottom


def _draw_labels(
    draw: ImageDraw.ImageDraw,
    instances: Sequence[Instance],
    boxes: Sequence[tuple[int, int, int, int]],
    colours: Mapping[str, Colour],
    text_size: int,
    width: int,
    height: int,
) -> None:
    """A plate with name and score at each box, at the first of its corners where it hides no other plate.

    In a crowd some objects have no such place: they go without, their colour still says the class.
    """
    taken: list[tuple[int, int, int, int]] = []
    for instance, (x1, y1, x2, y2) in zip(instances, boxes, strict=True):
        score = "" if instance.score is None else f" {instance.score:.2f}"
        name = shorten(instance.label, text_size, max(60, width // 3))
        plate_width, plate_height = plate_size(name + score, text_size)
        corners = [
            (x1, y1 - plate_height),
            (x1, y1),
            (x1, y2 + 1),
            (x2 - plate_width + 1, y1 - plate_height),
            (x2 - plate_width + 1, y1),
            (x1, y2 - plate_height + 1),
            (x2 - plate_width + 1, y2 - plate_height + 1),
        ]
        for left, top in corners:
            left = max(0, min(left, width - plate_width))
            top = max(0, min(top, height - plate_height))
            plate = (left, top, left + plate_width, top + plate_height)
            if not any(_overlap(plate, other) for other in taken):
                draw_plate(draw, left, top, name + score, text_size, colours.get(instance.label, UNKNOWN))
                taken.append(plate)
                break


def _overlap(a: tuple[int, int, int, int], b: tuple[int, int, int, int]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
