"""DINOv2 as a frozen encoder of patch features."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from ntt.backbones.architecture import Architecture
from ntt.backbones.encoder import PatchEncoder


class Dinov2(PatchEncoder):
    """A frozen DINOv2, with or without registers.

    The position embeddings are resized to ``image_size`` as Meta's code does where they were trained at another.
    """

    KIND = "dinov2"  # in the store's keys, in place of the class and its module

    def _load(self, architecture: Architecture, tensors: dict[str, Tensor], origin: Path) -> nn.Module:
        # Here: transformers takes seconds to import, and a run that finds everything only asks for the class's name.
        from ntt.backbones.dinov2_network import load_network

        network: nn.Module = load_network(architecture, self.grid, tensors, origin)
        return network
