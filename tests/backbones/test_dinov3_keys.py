"""Every tensor of Meta's six released DINOv3 files goes to exactly one place, and every place is filled."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from ntt.backbones.architecture import Architecture
from ntt.backbones.dinov3_network import load_network
from ntt.composition.choices import read_choice
from ntt.errors import InputError

CONFIGS = Path(__file__).resolve().parents[2] / "conf" / "backbone"
# Hidden width of the feed-forward network, whether query and value have biases, published millions of parameters.
RELEASED = {
    "dinov3_vits16": (1536, True, 21),
    "dinov3_vits16plus": (1536, True, 29),
    "dinov3_vitb16": (3072, True, 86),
    "dinov3_vitl16": (4096, True, 300),
    "dinov3_vith16plus": (5120, True, 840),
    "dinov3_vit7b16": (8192, False, 6716),
}


def meta_shapes(architecture: Architecture, hidden: int, biases: bool = True) -> dict[str, tuple[int, ...]]:
    """Names and shapes in Meta's files, written down from Meta's network rather than from ours."""
    width = architecture.width
    shapes: dict[str, tuple[int, ...]] = {
        "cls_token": (1, 1, width),
        "storage_tokens": (1, architecture.registers, width),
        "mask_token": (1, width),
        "patch_embed.proj.weight": (width, 3, 16, 16),
        "patch_embed.proj.bias": (width,),
        "rope_embed.periods": (width // architecture.heads // 4,),
        "norm.weight": (width,),
        "norm.bias": (width,),
    }
    linear = {"attn.proj": (width, width)}
    if architecture.ffn == "mlp":
        linear |= {"mlp.fc1": (hidden, width), "mlp.fc2": (width, hidden)}
    else:
        linear |= {"mlp.w1": (hidden, width), "mlp.w2": (hidden, width), "mlp.w3": (width, hidden)}
    for block in (f"blocks.{i}." for i in range(architecture.depth)):
        for name, shape in linear.items():
            shapes[f"{block}{name}.weight"] = shape
            shapes[f"{block}{name}.bias"] = shape[:1]
        for name in ("norm1.weight", "norm1.bias", "norm2.weight", "norm2.bias", "ls1.gamma", "ls2.gamma"):
            shapes[block + name] = (width,)
        shapes[f"{block}attn.qkv.weight"] = (3 * width, width)
        if biases:
            shapes[f"{block}attn.qkv.bias"] = shapes[f"{block}attn.qkv.bias_mask"] = (3 * width,)
    return shapes


def hub_shapes(architecture: Architecture, hidden: int, biases: bool = True) -> dict[str, tuple[int, ...]]:
    """The same for the files on the Hub."""
    width = architecture.width
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.cls_token": (1, 1, width),
        "embeddings.register_tokens": (1, architecture.registers, width),
        "embeddings.mask_token": (1, 1, width),
        "embeddings.patch_embeddings.weight": (width, 3, 16, 16),
        "embeddings.patch_embeddings.bias": (width,),
        "norm.weight": (width,),
        "norm.bias": (width,),
    }
    linear = {f"attention.{which}_proj": (width, width) for which in "qkvo"}
    linear |= {"mlp.up_proj": (hidden, width), "mlp.down_proj": (width, hidden)}
    if architecture.ffn == "swiglu":
        linear["mlp.gate_proj"] = (hidden, width)
    for block in (f"layer.{i}." for i in range(architecture.depth)):
        for name, shape in linear.items():
            shapes[f"{block}{name}.weight"] = shape
            if name != "attention.k_proj" and (biases or name not in ("attention.q_proj", "attention.v_proj")):
                shapes[f"{block}{name}.bias"] = shape[:1]
        for name in ("norm1.weight", "norm1.bias", "norm2.weight", "norm2.bias"):
            shapes[block + name] = (width,)
        shapes[f"{block}layer_scale1.lambda1"] = shapes[f"{block}layer_scale2.lambda1"] = (width,)
    return shapes


def configured(name: str) -> Architecture:
    config = read_choice(CONFIGS / f"{name}.yaml")
    return Architecture(config.width, config.depth, config.heads, config.ffn, config.registers, config.patch_size)


def on_meta(shapes: dict[str, tuple[int, ...]]) -> dict[str, Tensor]:
    return {key: torch.empty(shape, device="meta") for key, shape in shapes.items()}


@pytest.mark.parametrize("layout", [meta_shapes, hub_shapes])
@pytest.mark.parametrize("name", RELEASED)
def test_released_files_fill_the_configured_network(
    name: str, layout: Callable[[Architecture, int, bool], dict[str, tuple[int, ...]]]
) -> None:
    hidden, biases, millions = RELEASED[name]
    found = on_meta(layout(configured(name), hidden, biases))
    if name == "dinov3_vit7b16" and layout is meta_shapes:
        width = (configured(name).width,)
        found |= on_meta({"local_cls_norm.weight": width, "local_cls_norm.bias": width})

    network = load_network(configured(name), found, name)

    assert sum(parameter.numel() for parameter in network.parameters()) / 1e6 == pytest.approx(millions, rel=0.03)
    assert network.rope_embeddings.inv_freq.shape == (16 * (2 if name == "dinov3_vit7b16" else 1),)


SMALL = Architecture(32, 2, 2, "mlp", 4, 16)


def zeros() -> dict[str, Tensor]:
    return {key: torch.zeros(shape) for key, shape in meta_shapes(SMALL, 128).items()}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda found: found.pop("blocks.1.ls2.gamma"), "1 missing: blocks.1.ls2.gamma"),
        (lambda found: found.pop("rope_embed.periods"), "1 missing: rope_embed.periods"),
        (lambda found: found.pop("blocks.1.attn.qkv.bias_mask"), "1 missing: blocks.1.attn.qkv.bias_mask"),
        (lambda found: found.update({"head.weight": torch.zeros(1)}), "1 unexpected: head.weight"),
        (
            # Another number of heads changes no weight: only the positions' periods tell.
            lambda found: found.update({"rope_embed.periods": torch.zeros(2)}),
            r"rope_embed.periods is \[2\] and should be \[4\]",
        ),
        (
            lambda found: found.update({"blocks.1.mlp.fc1.weight": torch.zeros(64, 32)}),
            r"blocks.1.mlp.fc1.weight is \[64, 32\] and should be \[128, 32\]",
        ),
    ],
)
def test_another_network_is_refused_by_name(change: Callable[[dict[str, Tensor]], object], words: str) -> None:
    found = zeros()
    change(found)
    with pytest.raises(InputError, match=f"weights.pth does not hold .* a DINOv3 with width 32, depth 2.*{words}"):
        load_network(SMALL, found, "weights.pth")


def test_a_file_of_dinov2_is_refused() -> None:
    with pytest.raises(InputError, match=r"missing: cls_token, .*1 unexpected: pos_embed"):
        load_network(SMALL, {"pos_embed": torch.zeros(1, 5, 32), "patch_embed.proj.weight": torch.zeros(1)}, "v2.pth")


def test_masks_are_multiplied_to_the_biases() -> None:
    found = zeros()
    found["blocks.1.attn.qkv.bias"] = torch.full((96,), 3.0)
    found["blocks.1.attn.qkv.bias_mask"] = torch.cat([torch.ones(32), torch.zeros(32), torch.full((32,), 0.5)])
    attention = load_network(SMALL, found, "weights.pth").model.layer[1].attention
    assert attention.q_proj.bias.tolist() == [3.0] * 32
    assert attention.v_proj.bias.tolist() == [1.5] * 32


def test_a_bias_of_the_keys_is_refused() -> None:
    found = zeros()
    found["blocks.1.attn.qkv.bias"] = found["blocks.1.attn.qkv.bias_mask"] = torch.ones(96)
    with pytest.raises(InputError, match=r"weights.pth .* biases of attention keys in blocks.1.attn.qkv.bias"):
        load_network(SMALL, found, "weights.pth")
