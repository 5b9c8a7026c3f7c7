"""One axis of torch's bilinear resizing as a matrix, and as the two samples that a resized one usually mixes."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor


def interpolation_matrix(source: int, target: int, antialias: bool, device: torch.device | str = "cpu") -> Tensor:
    """The linear map that ``F.interpolate(bilinear, align_corners=False)`` applies along one axis.

    Read off by resizing the identity, so its coefficients are torch's own float32 ones, whatever the sizes.

    Args:
        source: samples along the axis before resizing.
        target: samples along the axis after resizing.
        antialias: whether the kernel widens when down-sampling.
        device: where the matrix shall live.

    Returns:
        float32 [target, source]; every row sums to 1 and is non-negative.
    """
    identity = torch.eye(source)[None, None]
    resized = F.interpolate(identity, size=(target, source), mode="bilinear", align_corners=False, antialias=antialias)
    return resized[0, 0].to(device)


class Window(NamedTuple):
    """Target samples ``start`` to ``stop`` of an axis, and the source samples ``low`` to ``high`` that they mix."""

    start: int
    stop: int
    low: int
    high: int


class Resizing:
    """Antialiased resizing along one axis, of parts of it.

    Args:
        matrix: [target, source], of :func:`interpolation_matrix`.
    """

    def __init__(self, matrix: Tensor) -> None:
        self._matrix = matrix.numpy()
        source = self._matrix.shape[1]
        mixed = self._matrix > 0
        self._first = mixed.argmax(axis=1)  # [target], the first and the last sample that each mixes
        self._last = source - 1 - mixed[:, ::-1].argmax(axis=1)
        self._of_two = bool((self._last - self._first).max() <= 1)
        last = np.take_along_axis(self._matrix, self._last[:, None], axis=1)  # [target, 1]
        self._weight = np.where(self._last > self._first, last[:, 0], 0)[:, None]

    def windows(self, extents: NDArray[np.int64]) -> list[Window]:
        """Where a signal can be above 0 after resizing, and which samples decide there.

        Args:
            extents: [N, 2], per signal its first and its last sample above 0.
        """
        start = np.searchsorted(self._last, extents[:, 0])
        stop = np.searchsorted(self._first, extents[:, 1], side="right")
        columns = (start, stop, self._first[start], self._last[stop - 1] + 1)
        return [Window(*row) for row in np.stack(columns, axis=1).tolist()]

    def apply(self, samples: NDArray[np.float32], window: Window) -> NDArray[np.float32]:
        """Resize a part.

        Args:
            samples: [high - low, K], contiguous.
            window: which part.

        Returns:
            [stop - start, K]
        """
        part = slice(window.start, window.stop)
        if not self._of_two:  # down-sampling mixes more
            return self._matrix[part, window.low : window.high] @ samples
        before = samples.take(self._first[part] - window.low, axis=0)
        resized = samples.take(self._last[part] - window.low, axis=0)
        resized -= before
        resized *= self._weight[part]
        resized += before
        return resized


@lru_cache(maxsize=64)  # a dataset has few sizes
def antialiased(source: int, target: int) -> Resizing:
    """The resizing of ``F.interpolate(bilinear, align_corners=False, antialias=True)`` along one axis."""
    return Resizing(interpolation_matrix(source, target, antialias=True))
