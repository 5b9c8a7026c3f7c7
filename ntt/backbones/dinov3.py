"""DINOv3 as a frozen encoder of patch features."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from ntt.backbones.architecture import Architecture
from ntt.backbones.encoder import PatchEncoder
from ntt.errors import InputError


class Dinov3(PatchEncoder):
    """A frozen DINOv3 vision transformer; its rotary positions take any ``image_size``."""

    KIND = "dinov3"  # in the store's keys, in place of the class and its module

    def _load(self, architecture: Architecture, tensors: dict[str, Tensor], origin: Path) -> nn.Module:
        if architecture.width % (4 * architecture.heads):
            # Rotary positions turn two pairs of channels per frequency, one for each axis.
            raise InputError(
                f"backbone.heads={architecture.heads} is not possible: the width {architecture.width} must be "
                "a multiple of four times the heads"
            )
        # Here: transformers takes seconds to import, and a run that finds everything only asks for the class's name.
        from ntt.backbones.dinov3_network import load_network

        network: nn.Module = load_network(architecture, tensors, origin)
        return network
