"""Checkpoints of full size with random weights, in Meta's names, for where the real ones cannot be had."""

from __future__ import annotations

import torch
from torch import Tensor

from ntt.backbones.architecture import Architecture
from ntt.backbones.dinov2_keys import sources
from ntt.backbones.dinov2_network import empty_network
from ntt.backbones.keys import source_shapes
from ntt.backbones.settings import BackboneConfig
from ntt.segmenters.sam2_network import build_network
from ntt.segmenters.settings import SegmenterConfig

_LAYER_SCALE = 0.2  # about what trained layer scales come to; at 1, a deep random network amplifies any rounding


def random_backbone(config: BackboneConfig, generator: torch.Generator) -> dict[str, Tensor]:
    """A DINOv2 of the configured sizes: matrices that keep the scale of what passes them."""
    sizes = (config.width, config.depth, config.heads, config.ffn, config.registers, config.patch_size)
    network = empty_network(Architecture(*sizes), config.image_size // config.patch_size)
    shapes = {name: tuple(parameter.shape) for name, parameter in network.named_parameters()}
    tensors = source_shapes(sources(shapes, {"pos_embed"}), shapes)
    return {name: _random(name, torch.empty(shape), generator) for name, shape in tensors.items()}


def random_segmenter(config: SegmenterConfig, generator: torch.Generator) -> dict[str, Tensor]:
    """A SAM 2 of the configured architecture, scaled so that masks and predicted IoUs differ between prompts."""
    network = build_network(config.architecture, config.overrides, config.image_size)
    return {
        # The Fourier features of positions are no learnt matrix: their scale says how finely places are told apart.
        name: tensor if "positional_encoding" in name else _random(name, tensor, generator)
        for name, tensor in network.state_dict().items()
    }


def _random(name: str, tensor: Tensor, generator: torch.Generator) -> Tensor:
    if name.endswith("gamma"):
        return torch.full_like(tensor, _LAYER_SCALE)
    if tensor.ndim > 1:
        return torch.randn(tensor.shape, generator=generator) * tensor[0].numel() ** -0.5
    return torch.ones_like(tensor) if name.endswith("weight") else torch.zeros_like(tensor)
