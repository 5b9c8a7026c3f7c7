"""Where to look first: photographs that have the references' colours. A guess that costs a millisecond a photograph."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ntt.app.photos import Photo

Histogram = NDArray[np.float32]
_BINS = 6  # of each of the three colours
_FAINT = 1e-3  # share of a photograph's pixels above which a colour counts as there


class Guesses:
    """Remembers the colours of every photograph whose small picture was made."""

    def __init__(self) -> None:
        self._colours: dict[str, Histogram] = {}
        self._lock = threading.Lock()

    def note(self, photo: Photo, small: bytes) -> None:
        """Learn a photograph's colours from its small picture, a JPEG."""
        with self._lock:
            if photo.id in self._colours:
                return
        colours = histogram(np.asarray(Image.open(io.BytesIO(small)).convert("RGB")))
        with self._lock:
            self._colours[photo.id] = colours

    def likeliest_first(self, photos: Sequence[Photo], references: Iterable[bytes]) -> list[Photo]:
        """By how much of the references' colours is in them; those not yet known last, in their own order.

        Args:
            photos: to be ordered.
            references: small pictures of the references, JPEGs.
        """
        wanted = [histogram(np.asarray(Image.open(io.BytesIO(one)).convert("RGB"))) for one in references]
        with self._lock:
            known = dict(self._colours)

        def share(photo: Photo) -> float:
            if photo.id not in known:
                return -1.0
            there = known[photo.id] > _FAINT
            return max((float(one[there].sum()) for one in wanted), default=0.0)

        return sorted(photos, key=share, reverse=True)


def histogram(image: NDArray[np.uint8]) -> Histogram:
    """The shares of 216 colours among the pixels of uint8 [H, W, 3]: float32 [216]."""
    levels = image.reshape(-1, 3).astype(np.int64) * _BINS // 256
    counts = np.bincount(levels @ (_BINS * _BINS, _BINS, 1), minlength=_BINS**3)
    return (counts / counts.sum()).astype(np.float32)
