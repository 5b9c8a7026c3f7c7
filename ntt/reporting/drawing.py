"""What the pictures share: text that fits its place, tinted masks and their outlines."""

from __future__ import annotations

from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ntt.reporting.colours import INK, PAPER, Colour, text_colour

Box = tuple[float, float, float, float]

SEAM_ALPHA = 0.7
_DASH = 6  # pixels


@cache
def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's own font at ``size`` pixels, so that no font file has to be found."""
    return ImageFont.load_default(size=size)


def text_width(text: str, size: int) -> int:
    """Width in pixels of one line of ``text``."""
    return int(np.ceil(font(size).getlength(text)))


def shorten(text: str, size: int, width: int) -> str:
    """``text``, or as much of its beginning as fits ``width`` pixels followed by an ellipsis."""
    if text_width(text, size) <= width:
        return text
    while text and text_width(text + "…", size) > width:
        text = text[:-1]
    return text.rstrip() + "…"


def resize_mask(mask: np.ndarray, width: int, height: int) -> np.ndarray:
    """Binary mask [H, W] to bool [height, width]; edges are smoothed where it grows, thin parts survive."""
    picture = Image.fromarray((mask > 0).astype(np.uint8) * 255)
    return np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR)) >= 96


def paint_mask(
    canvas: np.ndarray, mask: np.ndarray, colour: Colour, alpha: float, line: int, dashed: bool = False
) -> None:
    """Tint ``canvas`` float [H, W, 3] in place where ``mask`` bool [H, W] is set, and draw its outline.

    The outline runs inside the mask's edge with a dark seam around it: neighbours of one class stay apart.

    Args:
        canvas: RGB in [0, 255].
        mask: the object.
        colour: of tint and outline.
        alpha: how much of the tint covers the picture, 0..1.
        line: width of the outline in pixels.
        dashed: whether the outline has gaps.
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if rows.size == 0:
        return
    # Only the object's surroundings are touched: a picture of fifty small objects stays cheap.
    window = np.s_[max(0, rows[0] - 1) : rows[-1] + 2, max(0, columns[0] - 1) : columns[-1] + 2]
    canvas, mask = canvas[window], mask[window]
    canvas[mask] += (np.array(colour) - canvas[mask]) * alpha
    outline = mask & ~_eroded(mask, line)
    canvas[outline] = colour
    if dashed:
        y, x = np.nonzero(outline)
        gaps = (x + y) // _DASH % 2 == 1
        canvas[y[gaps], x[gaps]] = INK
    seam = ~mask & ~_eroded(~mask, 1)
    canvas[seam] += (np.array(INK) - canvas[seam]) * SEAM_ALPHA


def _eroded(mask: np.ndarray, steps: int) -> np.ndarray:
    for _ in range(steps):
        padded = np.pad(mask, 1, mode="edge")
        mask = mask & padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return mask


def draw_plate(draw: ImageDraw.ImageDraw, left: int, top: int, text: str, size: int, fill: Colour) -> None:
    """One line of text on a filled plate whose size is ``plate_size(text, size)``."""
    width, height = plate_size(text, size)
    draw.rectangle((left, top, left + width - 1, top + height - 1), fill=fill)
    draw.text((left + size // 3, top + height / 2), text, fill=text_colour(fill), font=font(size), anchor="lm")


def plate_size(text: str, size: int) -> tuple[int, int]:
    """Width and height in pixels of a plate for ``text``."""
    return text_width(text, size) + 2 * (size // 3), round(size * 1.35)


def header_strip(text: str, width: int, size: int) -> Image.Image:
    """A dark strip of ``width`` pixels with one line of light text."""
    strip = Image.new("RGB", (width, 2 * size), INK)
    pad = size // 2
    ImageDraw.Draw(strip).text(
        (pad, size), shorten(text, size, width - 2 * pad), fill=PAPER, font=font(size), anchor="lm"
    )
    return strip
