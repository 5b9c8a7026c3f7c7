"""A sheet of all references: what the memory was filled with, at one glance."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np
from PIL import Image, ImageDraw

from ntt.reporting.colours import INK, PAPER, UNKNOWN, Colour
from ntt.reporting.drawing import font, header_strip, paint_mask, resize_mask, shorten, text_width

Reference = TypeVar("Reference")

TILE = 112  # pixels: side of one reference's square
GAP = 6
BLOCK_GAP = 20
NAME_SIZE = 15
MAX_NAME = 150  # pixels
MAX_CLASSES = 80
MAX_SHOTS = 10
MAX_TILES = 320
ASPECT = 1.4  # width : height the sheet aims at
MASK_ALPHA = 0.2


def references_sheet(
    references: Mapping[str, Sequence[Reference]],
    load: Callable[[Reference], tuple[np.ndarray, np.ndarray]],
    colours: Mapping[str, Colour],
    headline: str | None = None,
) -> Image.Image:
    """Draw classes as rows and shots as columns; many short rows are wrapped into several blocks.

    At most 80 classes, 10 shots of each and 320 references are shown; the sheet says how many more there are.

    Args:
        references: class name -> its references in shot order; what a reference is only ``load`` knows.
        load: returns a reference's crop uint8 [h, w, 3] RGB and its mask [h, w], 0 outside the object. Called
            for the references that are shown only.
        colours: per class name, from ``class_colours``.
        headline: the line above; None counts references and classes.
    """
    names = list(references)[:MAX_CLASSES]
    shots = max((len(references[name]) for name in names), default=0)
    columns = max(1, min(shots, MAX_SHOTS, MAX_TILES // max(1, len(names))))
    name_width = min(MAX_NAME, max((text_width(name, NAME_SIZE) for name in names), default=0)) + 2 * GAP
    more_width = text_width(f"+{shots}", NAME_SIZE) + GAP if shots > columns else 0
    row_width = name_width + columns * (TILE + GAP) + more_width
    blocks = _block_count(len(names), row_width)
    rows = math.ceil(len(names) / blocks)

    width = max(blocks * (row_width + BLOCK_GAP) - BLOCK_GAP + 2 * GAP, 360)
    strip = header_strip(headline or _headline(references, len(names)), width, NAME_SIZE)
    sheet = Image.new("RGB", (width, strip.height + rows * (TILE + GAP) + GAP), INK)
    sheet.paste(strip, (0, 0))
    draw = ImageDraw.Draw(sheet)
    for index, name in enumerate(names):
        block, row = divmod(index, rows)
        left, top = GAP + block * (row_width + BLOCK_GAP), strip.height + row * (TILE + GAP)
        middle = top + TILE // 2
        label = shorten(name, NAME_SIZE, name_width - GAP)
        left += name_width
        draw.text((left - GAP, middle), label, fill=PAPER, font=font(NAME_SIZE), anchor="rm")
        for reference in references[name][:columns]:
            sheet.paste(_tile(*load(reference), colours.get(name, UNKNOWN)), (left, top))
            left += TILE + GAP
        hidden = len(references[name]) - columns
        if hidden > 0:
            draw.text((left, middle), f"+{hidden}", fill=PAPER, font=font(NAME_SIZE), anchor="lm")
    return sheet


def _headline(references: Mapping[str, Sequence[Reference]], shown_classes: int) -> str:
    total = sum(len(shots) for shots in references.values())
    classes = len(references)
    text = f"{total} reference{'' if total == 1 else 's'} of {classes} class{'' if classes == 1 else 'es'}"
    hidden = classes - shown_classes
    return text + (f" ({hidden} more classes not shown)" if hidden else "")


def _block_count(rows: int, row_width: int) -> int:
    """Into how many blocks side by side ``rows`` are wrapped to come closest to ``ASPECT``."""

    def distortion(blocks: int) -> float:
        height = math.ceil(rows / blocks) * (TILE + GAP)
        return abs(math.log(blocks * row_width / height / ASPECT))

    return min(range(1, max(1, rows) + 1), key=distortion) if rows else 1


def _tile(crop: np.ndarray, mask: np.ndarray, colour: Colour) -> Image.Image:
    scale = TILE / max(crop.shape[:2])
    height, width = (max(1, round(side * scale)) for side in crop.shape[:2])
    picture = Image.fromarray(crop).resize((width, height), Image.Resampling.LANCZOS)
    canvas = np.asarray(picture).astype(np.float32)
    paint_mask(canvas, resize_mask(mask, width, height), colour, MASK_ALPHA, line=2)
    tile = Image.new("RGB", (TILE, TILE), (38, 41, 48))
    tile.paste(Image.fromarray(canvas.round().astype(np.uint8)), ((TILE - width) // 2, (TILE - height) // 2))
    return tile
