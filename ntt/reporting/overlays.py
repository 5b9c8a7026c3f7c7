"""Ground truth beside predictions: what was found, what was missed, and where nothing is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image, ImageDraw

from ntt.reporting.colours import INK, UNKNOWN, Colour, shades
from ntt.reporting.drawing import header_strip, paint_mask, resize_mask
from ntt.reporting.plates import Label, draw_labels
from ntt.reporting.verdicts import Box, Instance, judged

MIN_SIDE = 480  # pixels: smaller images are enlarged until labels are legible
MAX_SIDE = 1280  # pixels: larger ones are reduced
GAP = 8  # pixels between the two panels
MASK_ALPHA = 0.4
WEAK_SHOWN = 3  # predictions shown when none reaches the threshold

# Said in words as well as by the line: an outline of dashes is what should not be there, or was not found.
_MARKS = {"false alarm": "false: ", "missed": "missed: ", "hit": "", None: ""}


def side_by_side(
    image: np.ndarray,
    ground_truth: Sequence[Instance],
    predictions: Sequence[Instance],
    colours: Mapping[str, Colour],
    score_threshold: float = 0.3,
    most: int = 20,
    title: str = "",
) -> Image.Image:
    """Ground truth on the left, predictions on the right; misses and false alarms have dashed outlines.

    Args:
        image: uint8 [H, W, 3] RGB.
        ground_truth: all are drawn; "missed" are those that no prediction shown covers at an IoU of 0.5.
        predictions: the ``most`` best at or above ``score_threshold`` are drawn; if there is none, the best
            few, and the header says so.
        colours: per label, from ``class_colours``; other labels are grey.
        score_threshold: see ``predictions``.
        most: see ``predictions``.
        title: the image's name.
    """
    shown, header = _select(predictions, score_threshold, most)
    truth, shown = judged(ground_truth, shown)
    count, missed = len(truth), sum(one.verdict == "missed" for one in truth)
    left_header = f"ground truth: {count} object{'' if count == 1 else 's'}" + (f", {missed} missed" if missed else "")
    alarms = sum(one.verdict == "false alarm" for one in shown)
    left = _panel(image, truth, colours, left_header)
    right = _panel(image, shown, colours, header + (f", {alarms} false" if alarms else ""))
    sheet = Image.new("RGB", (left.width + GAP + right.width, left.height), INK)
    sheet.paste(left, (0, 0))
    sheet.paste(right, (left.width + GAP, 0))
    return _titled(sheet, title)


def single(
    image: np.ndarray,
    predictions: Sequence[Instance],
    colours: Mapping[str, Colour],
    score_threshold: float = 0.0,
    most: int = 20,
    title: str = "",
) -> Image.Image:
    """Predictions alone, for an image without ground truth; see :func:`side_by_side`."""
    shown, header = _select(predictions, score_threshold, most)
    return _titled(_panel(image, shown, colours, header), title)


def _titled(sheet: Image.Image, title: str) -> Image.Image:
    if not title:
        return sheet
    strip = header_strip(title, sheet.width, 13)
    titled = Image.new("RGB", (sheet.width, strip.height + sheet.height), INK)
    titled.paste(strip, (0, 0))
    titled.paste(sheet, (0, strip.height))
    return titled


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
    tints = _tints(instances, colours)

    base = Image.fromarray(image).resize((width, height), Image.Resampling.LANCZOS)
    canvas = np.asarray(base).astype(np.float32)
    anchors = [_scaled(instance.box, scale, width, height) for instance in instances]
    # Large objects first: the small ones on them stay visible.
    for index in sorted(range(len(instances)), key=lambda i: -_box_area(instances[i])):
        one = instances[index]
        if one.mask is not None:
            mask = resize_mask(one.mask, width, height)
            dashed = one.verdict in ("false alarm", "missed")
            paint_mask(canvas, mask, tints[index], MASK_ALPHA, line, dashed)
            anchors[index] = _top_of(mask) or anchors[index]
    painted = Image.fromarray(canvas.round().astype(np.uint8))

    draw = ImageDraw.Draw(painted)
    labels = []
    for one, box, tint in zip(instances, anchors, tints, strict=True):
        if one.mask is None:
            draw.rectangle(box, outline=tint, width=line)
        score = "" if one.score is None else f" {one.score:.2f}"
        labels.append(Label(box, f"{_MARKS[one.verdict]}{one.label}", score, tint))
    draw_labels(draw, labels, text_size, width, height)

    strip = header_strip(header, width, text_size + 2)
    panel = Image.new("RGB", (width, strip.height + height))
    panel.paste(strip, (0, 0))
    panel.paste(painted, (0, strip.height))
    return panel


def _tints(instances: Sequence[Instance], colours: Mapping[str, Colour]) -> list[Colour]:
    """A colour for each object: a shade of its class's, so that two of one class can be told apart."""
    seen: dict[str, int] = {}
    tints = []
    for one in instances:
        seen[one.label] = seen.get(one.label, 0) + 1
        tints.append(shades(colours.get(one.label, UNKNOWN), seen[one.label])[-1])
    return tints


def _top_of(mask: np.ndarray) -> tuple[int, int, int, int] | None:
    """Extents of a mask, but x1 and x2 around its topmost pixels only: that is where a label belongs to it."""
    rows = np.flatnonzero(mask.any(axis=1))
    if not len(rows):
        return None
    columns = np.flatnonzero(mask[rows[0]])
    middle = int(columns[len(columns) // 2])
    return middle, int(rows[0]), middle, int(rows[-1])


def _box_area(instance: Instance) -> float:
    x1, y1, x2, y2 = instance.box
    return (x2 - x1 + 1) * (y2 - y1 + 1)


def _scaled(box: Box, scale: float, width: int, height: int) -> tuple[int, int, int, int]:
    x1, y1, x2, y2 = box
    left, top = min(max(0, int(x1 * scale)), width - 1), min(max(0, int(y1 * scale)), height - 1)
    right = min(max(left, int((x2 + 1) * scale) - 1), width - 1)
    bottom = min(max(top, int((y2 + 1) * scale) - 1), height - 1)
    return left, top, right, bottom
