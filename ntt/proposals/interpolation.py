"""One axis of torch's bilinear resizing as a matrix."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
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


class Taps(NamedTuple):
    """An interpolation in which every target sample is a mix of at most two source samples.

    Attributes:
        first, second: int64 [target] the two source samples, second >= first.
        weight: float32 [target] of the second one; the first has the rest.
    """

    first: Tensor
    second: Tensor
    weight: Tensor

    def apply(self, samples: Tensor, start: int, stop: int, origin: int = 0) -> Tensor:
        """Targets `start` to `stop` of an interpolation along the first axis.

        Args:
            samples: [source - origin, ...], the source samples from `origin` on.
            start, stop: which targets.
            origin: the source sample that `samples` begins with.
        """
        first, second = self.first[start:stop] - origin, self.second[start:stop] - origin
        weight = self.weight[start:stop].view(-1, *[1] * (samples.ndim - 1))
        return torch.lerp(samples.index_select(0, first), samples.index_select(0, second), weight)


def two_taps(matrix: Tensor) -> Taps | None:
    """The same interpolation as indices and weights, or None where it mixes more than two samples (down-sampling).

    Args:
        matrix: [target, source], of :func:`interpolation_matrix`.
    """
    touched = (matrix > 0).to(torch.uint8)
    first = touched.argmax(dim=1)
    last = matrix.shape[1] - 1 - touched.flip(1).argmax(dim=1)
    if int((last - first).max()) > 1:
        return None
    weight = matrix.gather(1, last[:, None])[:, 0]
    return Taps(first, last, torch.where(last > first, weight, 0.0))
