"""Masks as vertical segments, one for each run of pixels in a column, and which segments hang together.

All masks of an image at once, by numpy: a hundred masks of 480 x 640 take some tens of milliseconds, where drawing them
and looking at pixels would take seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Segments:
    """The segments of N masks, ascending by mask, column and row.

    Attributes:
        owner: int64 [S], the mask of each.
        column: int64 [S].
        top, bottom: int64 [S], first row and the row behind the last.
    """

    owner: Ints
    column: Ints
    top: Ints
    bottom: Ints

    def where(self, chosen: NDArray[np.bool_]) -> Segments:
        """Some of them."""
        return Segments(self.owner[chosen], self.column[chosen], self.top[chosen], self.bottom[chosen])

    @property
    def pixels(self) -> Ints:
        """Of each."""
        return self.bottom - self.top


def segments_of(runs: Sequence[Ints], height: int) -> Segments:
    """From run lengths down the columns, background first, of masks of one size (:mod:`ntt.data.rle`)."""
    ends = [some.cumsum() for some in runs]
    begin = np.concatenate([some[:-1:2] for some in ends])
    end = np.concatenate([some[1::2] for some in ends])
    owner = np.repeat(np.arange(len(runs)), [len(some) // 2 for some in ends])
    inhabited = end > begin
    begin, end, owner = begin[inhabited], end[inhabited], owner[inhabited]
    # A run that goes on in the next columns is cut where these begin.
    first, last = begin // height, (end - 1) // height
    pieces = last - first + 1
    run = np.repeat(np.arange(len(begin)), pieces)
    place = np.arange(len(run)) - np.repeat(pieces.cumsum() - pieces, pieces)
    column = first[run] + place
    top = np.where(place == 0, begin[run] % height, 0)
    bottom = np.where(place == pieces[run] - 1, (end[run] - 1) % height + 1, height)
    return Segments(owner[run], column, top, bottom)


def background(found: Segments, masks: int, height: int, width: int) -> Segments:
    """The segments of what is outside of each mask."""
    line = found.owner * width + found.column
    lines = np.arange(masks * width)
    # In every column the background begins at row 0 and behind each segment, and ends at each segment and at the end.
    begins = np.concatenate([lines * (height + 1), line * (height + 1) + found.bottom])
    ends = np.concatenate([line * (height + 1) + found.top, lines * (height + 1) + height])
    begins.sort()
    ends.sort()
    inhabited = ends > begins
    place, top = np.divmod(begins[inhabited], height + 1)
    owner, column = np.divmod(place, width)
    return Segments(owner, column, top, ends[inhabited] % (height + 1))


def components(found: Segments, height: int, width: int, corners: bool) -> Ints:
    """A number for each segment, equal where segments hang together: int64 [S], the first one's index.

    Args:
        found: of masks of one size.
        height, width: of the masks.
        corners: whether pixels that touch at a corner hang together (usual for objects, then not for holes).
    """
    step = height + 2
    line = found.owner * (width + 1) + found.column  # one column more, so that no mask's last is another's first
    reach = int(corners)
    low = np.searchsorted(line * step + found.bottom + reach, (line + 1) * step + found.top, side="right")
    high = np.searchsorted(line * step + found.top, (line + 1) * step + found.bottom + reach, side="left")
    count = np.maximum(high - low, 0)
    one = np.repeat(np.arange(len(line)), count)
    other = np.arange(len(one)) - np.repeat(count.cumsum() - count, count) + low[one]
    label = np.arange(len(line))
    while True:
        a, b = label[one], label[other]
        differ = a != b
        if not differ.any():
            return label
        np.minimum.at(label, np.maximum(a, b)[differ], np.minimum(a, b)[differ])
        while not np.array_equal(label[label], label):
            label = label[label]


def encoded(found: Segments, masks: int, height: int, width: int) -> list[str]:
    """COCO's compressed run lengths of each mask; segments that meet are joined."""
    from ntt.masks.rle import compressed_counts

    pixels = height * width
    position = found.owner * pixels + found.column * height
    begin, end = np.sort(position + found.top), np.sort(position + found.bottom)
    same = np.zeros(len(begin), dtype=bool)  # as the one before: within a mask, nothing between
    same[1:] = (begin[1:] == end[:-1]) & (begin[1:] % pixels != 0)
    stops = np.ones(len(end), dtype=bool)
    stops[:-1] = ~same[1:]
    stops &= end % pixels != 0
    return compressed_counts(
        np.sort(np.concatenate([np.arange(masks) * pixels, begin[~same], end[stops]])), masks, pixels
    )
