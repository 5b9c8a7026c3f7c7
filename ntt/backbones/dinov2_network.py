"""DINOv2's network as transformers builds it, filled from a file or folder in any of its three namings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import Tensor
from transformers import (
    Dinov2Config,
    Dinov2Model,
    Dinov2WithRegistersConfig,
    Dinov2WithRegistersModel,
)

from ntt.backbones.architecture import Architecture
from ntt.backbones.dinov2_keys import sources
from ntt.backbones.keys import rename, source_shapes
from ntt.backbones.positions import resize_positions, trained_grid
from ntt.networks.checkpoints import check_keys

Network: TypeAlias = Dinov2Model | Dinov2WithRegistersModel

_POSITIONS = "embeddings.position_embeddings"


def empty_network(architecture: Architecture, grid: int) -> Network:
    """The network on the meta device (no memory), its position embeddings for ``grid`` patches per side."""
    sizes: dict[str, Any] = {
        "hidden_size": architecture.width,
        "num_hidden_layers": architecture.depth,
        "num_attention_heads": architecture.heads,
        "patch_size": architecture.patch_size,
        "image_size": grid * architecture.patch_size,
        "use_swiglu_ffn": architecture.ffn == "swiglu",
        "attn_implementation": "sdpa",
    }
    with torch.device("meta"):
        if architecture.registers:
            config = Dinov2WithRegistersConfig(num_register_tokens=architecture.registers, **sizes)
            return Dinov2WithRegistersModel(config)
        return Dinov2Model(Dinov2Config(**sizes))


def load_network(architecture: Architecture, grid: int, found: Mapping[str, Tensor], origin: str | Path) -> Network:
    """The network with a checkpoint's weights in float32, ready for images of ``grid`` patches per side.

    Args:
        architecture: what the checkpoint is expected to hold.
        grid: patches per side.
        found: the checkpoint's tensors; those of float32 are used in place, not copied.
        origin: file or folder of the checkpoint, for messages.

    Raises:
        InputError: the checkpoint holds another network, or too many or too few tensors.
    """
    network = empty_network(architecture, grid)
    shapes = {name: tuple(parameter.shape) for name, parameter in network.named_parameters()}
    wanted = sources(shapes, found)
    table = found.get(wanted[_POSITIONS].key)
    if table is not None and table.ndim == 3:
        # Any square table will do: it is resized below.
        shapes[_POSITIONS] = (1, 1 + trained_grid(table) ** 2, architecture.width)
    check_keys(origin, source_shapes(wanted, shapes), found, f"a DINOv2 with {architecture}")
    weights = {name: tensor.float() for name, tensor in rename(wanted, found).items()}
    weights[_POSITIONS] = resize_positions(weights[_POSITIONS], grid, architecture.registers > 0)
    network.load_state_dict(weights, assign=True)
    return network.requires_grad_(False).eval()
