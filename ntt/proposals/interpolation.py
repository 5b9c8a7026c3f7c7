"""One axis of torch's bilinear resizing as a matrix."""

from __future__ import annotations

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
