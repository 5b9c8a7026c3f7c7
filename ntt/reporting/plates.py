"""Names and scores in a picture: each at its object, or with a line that leads to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from PIL import ImageDraw

from ntt.reporting.colours import INK, Colour
from ntt.reporting.drawing import draw_plate, plate_size, shorten

Rectangle = tuple[int, int, int, int]  # left, top, right, bottom in pixels; the last two exclusive

_RINGS = (1.5, 3.0, 5.0, 8.0)  # how far away a plate may be, in its own heights


@dataclass(frozen=True)
class Label:
    """A text that belongs to an object.

    Attributes:
        box: extents of what it belongs to, x1, y1, x2, y2 in pixels, inclusive.
        name: is shortened where there is little room.
        score: is never shortened.
        colour: of the plate.
    """

    box: tuple[int, int, int, int]
    name: str
    score: str
    colour: Colour


def draw_labels(draw: ImageDraw.ImageDraw, labels: Sequence[Label], text_size: int, width: int, height: int) -> None:
    """A plate for each label where it hides no other: at its object, else near it with a leader line.

    In a crowd some find no place: they go without, their colour still says the class.
    """
    taken: list[Rectangle] = []
    for label in labels:
        text = shorten(label.name, text_size, max(60, width // 3)) + label.score
        plate_width, plate_height = plate_size(text, text_size)
        for (left, top), led in _places(label.box, plate_width, plate_height):
            left = max(0, min(left, width - plate_width))
            top = max(0, min(top, height - plate_height))
            plate = (left, top, left + plate_width, top + plate_height)
            if any(_overlap(plate, other) for other in taken):
                continue
            if led:
                start = (left + plate_width // 2, top + plate_height // 2)
                aim = ((label.box[0] + label.box[2]) // 2, label.box[1])
                draw.line((start, aim), fill=INK, width=3)
                draw.line((start, aim), fill=label.colour, width=1)
            draw_plate(draw, left, top, text, text_size, label.colour)
            taken.append(plate)
            break


def _places(box: tuple[int, int, int, int], width: int, height: int) -> Iterator[tuple[tuple[int, int], bool]]:
    """Corners for a plate, best first, and whether it needs a leader line there."""
    x1, y1, x2, y2 = box
    middle = (x1 + x2) // 2 - width // 2
    for left in (middle, x1, x2 - width + 1):
        for top in (y1 - height - 1, y1 + 1, y2 + 1, y2 - height):
            yield (left, top), False
    for ring in _RINGS:
        away = round(ring * height)
        for dx, dy in ((0, -1), (1, -1), (-1, -1), (1, 0), (-1, 0), (1, 1), (-1, 1), (0, 1)):
            yield (middle + dx * (away + width // 2), y1 - height // 2 + dy * away), True


def _overlap(a: Rectangle, b: Rectangle) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
