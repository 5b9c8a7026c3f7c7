"""DINOv3's network as transformers builds it, filled from a file or folder in any of its three namings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import DINOv3ViTConfig, DINOv3ViTModel

from ntt.backbones.architecture import Architecture
from ntt.backbones.dinov3_keys import PERIODS, is_metas, masked_biases, meta_shapes, sources
from ntt.backbones.keys import rename, source_shapes
from ntt.networks.checkpoints import check_keys

_FFN_WEIGHT = "model.layer.0.mlp.up_proj.weight"
_QUERY_BIAS = "model.layer.0.attention.q_proj.bias"
_ROPE_BASE = 100.0


def empty_network(architecture: Architecture, ffn_width: int, biases: bool) -> DINOv3ViTModel:
    """The network on the meta device (no memory).

    Args:
        architecture: the sizes of the config.
        ffn_width: hidden channels of a block's feed-forward network.
        biases: whether query and value have biases; the key never does.
    """
    gated = architecture.ffn == "swiglu"
    sizes: dict[str, Any] = {
        "hidden_size": architecture.width,
        "num_hidden_layers": architecture.depth,
        "num_attention_heads": architecture.heads,
        "patch_size": architecture.patch_size,
        "num_register_tokens": architecture.registers,
        "intermediate_size": ffn_width,
        "use_gated_mlp": gated,
        "hidden_act": "silu" if gated else "gelu",
        "query_bias": biases,
        "value_bias": biases,
        "rope_theta": _ROPE_BASE,
        "attn_implementation": "sdpa",
    }
    with torch.device("meta"):
        return DINOv3ViTModel(DINOv3ViTConfig(**sizes))


def load_network(architecture: Architecture, found: Mapping[str, Tensor], origin: str | Path) -> DINOv3ViTModel:
    """The network with a checkpoint's weights in float32, ready for images of any size.

    Two things differ between the released sizes and are told by the tensors of the first block: the hidden width
    of the feed-forward network, and whether query and value have biases. The other blocks must agree.

    Args:
        architecture: what the checkpoint is expected to hold.
        found: the checkpoint's tensors; those of float32 are used in place, not copied.
        origin: file or folder of the checkpoint, for messages.

    Raises:
        InputError: the checkpoint holds another network, or too many or too few tensors.
    """
    first = sources([_FFN_WEIGHT, _QUERY_BIAS], found, architecture.ffn)
    ffn_weight = found.get(first[_FFN_WEIGHT].key)
    ffn_width = 4 * architecture.width if ffn_weight is None else ffn_weight.shape[0]
    network = empty_network(architecture, ffn_width, first[_QUERY_BIAS].key in found)
    shapes = {name: tuple(parameter.shape) for name, parameter in network.named_parameters()}
    wanted = sources(shapes, found, architecture.ffn)
    expected = source_shapes(wanted, shapes)
    if is_metas(found):
        expected |= meta_shapes(architecture, found)
    check_keys(origin, expected, found, f"a DINOv3 with {architecture}")
    renamed = rename(wanted, {**found, **masked_biases(found, origin)})
    weights = {name: tensor.float().view(shapes[name]) for name, tensor in renamed.items()}
    network.load_state_dict(weights, assign=True)
    network.rope_embeddings.inv_freq = 1 / _periods(architecture, found)
    return network.requires_grad_(False).eval()


def _periods(architecture: Architecture, found: Mapping[str, Tensor]) -> Tensor:
    """Periods of the rotary position embeddings, float32 [D / heads / 4], in units of half an image side.

    Meta's files carry theirs, rounded to bfloat16 at some time in training, and Meta's code uses what the file
    says; files on the Hub leave them out, and transformers computes them exactly.
    """
    if PERIODS in found:
        return found[PERIODS].float()
    quarter = architecture.width // architecture.heads // 4
    return _ROPE_BASE ** (torch.arange(quarter, dtype=torch.float32) / quarter)
