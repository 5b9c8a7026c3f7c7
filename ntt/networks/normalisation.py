"""The colour statistics that both networks were trained with."""

from __future__ import annotations

import torch
from torch import Tensor

_MEAN = (0.485, 0.456, 0.406)
_STD = (0.229, 0.224, 0.225)


def normalise(images: Tensor) -> Tensor:
    """Subtract ImageNet's mean colour and divide by its deviation.

    Args:
        images: float ``[..., 3, H, W]``, RGB in [0, 1].
    """
    mean = torch.tensor(_MEAN, device=images.device, dtype=images.dtype).view(3, 1, 1)
    std = torch.tensor(_STD, device=images.device, dtype=images.dtype).view(3, 1, 1)
    return (images - mean) / std
