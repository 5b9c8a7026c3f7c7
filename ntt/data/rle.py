"""Run-length encodings of annotation files: COCO's compressed text, and plain lists of run lengths.

pycocotools decodes without a look: a damaged text overwrites its memory, counts that go beyond the picture are cut.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Runs = NDArray[np.int64]
"""Lengths of runs of equal pixels down the columns, background first."""

_LONGEST = 6  # characters of one number: thirty bits, more than any picture has pixels


def run_lengths(rle: dict[str, Any], height: int, width: int) -> Runs:
    """The runs of one encoding, which must be those of a whole picture of ``height`` x ``width`` pixels.

    Raises:
        ValueError: says what is wrong with ``size`` or ``counts``, to be completed by "its mask cannot be used:".
    """
    _check_size(rle, height, width)
    if "counts" not in rle:
        raise ValueError("its RLE has no counts")
    counts = rle["counts"]
    runs = _decompressed(counts) if isinstance(counts, (str, bytes)) else _listed(counts)
    if len(runs) == 0 or runs.min() < 0:
        raise ValueError("its RLE counts are not whole run lengths")
    # The longest first: a sum of many longest numbers wraps round.
    total = int(runs.sum()) if runs.max() <= height * width else sum(runs.tolist())
    if total != height * width:
        raise ValueError(f"its RLE counts add up to {total} pixels, its picture has {height * width}")
    return runs


def runs_extent(runs: Runs, height: int) -> tuple[int, int, int, int] | None:
    """(x1, y1, x2, y2) of the foreground in pixels, right and bottom exclusive; None where there is none."""
    ends = runs.cumsum()
    starts, stops = ends[:-1:2], ends[1::2]  # of the runs of foreground
    inhabited = stops > starts
    if not inhabited.any():
        return None
    starts, last = starts[inhabited], stops[inhabited] - 1
    top, bottom = starts % height, last % height
    # A run that goes on in the next column holds the last row of one and the first of the other.
    over = starts // height != last // height
    y1 = 0 if over.any() else int(top.min())
    y2 = height if over.any() else int(bottom.max()) + 1
    return int(starts[0] // height), y1, int(last[-1] // height) + 1, y2


def runs_mask(runs: Runs, height: int, width: int) -> NDArray[np.uint8]:
    """uint8 [H, W] of 0 and 1."""
    values = (np.arange(len(runs)) % 2).astype(np.uint8)
    return np.ascontiguousarray(np.repeat(values, runs).reshape(width, height).T)


def _check_size(rle: dict[str, Any], height: int, width: int) -> None:
    size = rle.get("size")
    if not isinstance(size, (list, tuple)) or list(size) != [height, width]:
        swapped = isinstance(size, (list, tuple)) and list(size) == [width, height] and height != width
        also = ": its sides are swapped" if swapped else ""
        raise ValueError(f"its RLE size is {size!r:.60}, its picture's [height, width] is [{height}, {width}]{also}")


def _listed(counts: object) -> Runs:
    try:
        runs = np.asarray(counts)
    except ValueError as error:  # a list of lists of different lengths
        raise ValueError("its RLE counts are not whole run lengths") from error
    if runs.ndim != 1 or runs.dtype.kind not in "iuf" or not np.array_equal(runs, np.floor(runs)):
        raise ValueError("its RLE counts are not whole run lengths")
    if len(runs) and np.abs(runs).max() >= 2**53:
        raise ValueError("its RLE counts are not whole run lengths")
    return runs.astype(np.int64)


def _decompressed(counts: str | bytes) -> Runs:
    """COCO's compressed form: five bits a character, from the fourth number on the difference to the last but one."""
    unknown = "its RLE counts are no compressed run lengths"
    raw = counts.encode("ascii", "replace") if isinstance(counts, str) else counts
    digits = np.frombuffer(raw, dtype=np.uint8).astype(np.int64) - 48
    if len(digits) == 0 or digits.min() < 0 or digits.max() > 63:
        raise ValueError(unknown)
    last = (digits & 32) == 0  # of each number
    if not last[-1]:
        raise ValueError("its RLE counts end in the middle of a run")
    stops = np.flatnonzero(last) + 1
    firsts = np.concatenate([[0], stops[:-1]])
    lengths = stops - firsts
    if lengths.max() > _LONGEST + 1:
        raise ValueError(unknown)
    place = np.arange(len(digits)) - np.repeat(firsts, lengths)
    values = np.add.reduceat((digits & 31) << (5 * place), firsts)
    values -= np.where(digits[stops - 1] & 16, np.int64(1) << (5 * lengths), 0)  # a number's highest bit is its sign
    values[1::2] = values[1::2].cumsum()
    values[2::2] = values[2::2].cumsum()
    return values
