"""Features against a second DINOv3, written here in plain tensor functions on Meta's key names."""

from __future__ import annotations

import math
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn.functional import conv2d, gelu, layer_norm, linear, silu

from ntt.backbones.architecture import Architecture
from ntt.backbones.dinov3 import Dinov3
from ntt.backbones.dinov3_network import load_network
from ntt.errors import InputError

WIDTH, DEPTH, HEADS, REGISTERS = 32, 2, 2, 4
# 100 ** (i / 4), to bfloat16 as Meta's released files have them.
PERIODS = torch.tensor([1.0, 3.15625, 10.0, 31.625])


def random_weights(ffn: str = "mlp", biases: bool = True) -> dict[str, Tensor]:
    """A state dict with Meta's names. Scales are those of trained networks, so that every part matters."""
    generator = torch.Generator().manual_seed(3)

    def normal(*shape: int, scale: float = 0.5) -> Tensor:
        return torch.randn(*shape, generator=generator) * scale

    hidden = 4 * WIDTH if ffn == "mlp" else 3 * WIDTH
    weights = {
        "cls_token": normal(1, 1, WIDTH),
        "storage_tokens": normal(1, REGISTERS, WIDTH),
        "mask_token": normal(1, WIDTH),
        "patch_embed.proj.weight": normal(WIDTH, 3, 16, 16, scale=0.04),
        "patch_embed.proj.bias": normal(WIDTH),
        "rope_embed.periods": PERIODS.clone(),
        "norm.weight": 1 + normal(WIDTH),
        "norm.bias": normal(WIDTH),
    }
    outputs = {"attn.qkv": (3 * WIDTH, WIDTH), "attn.proj": (WIDTH, WIDTH)}
    if ffn == "mlp":
        outputs |= {"mlp.fc1": (hidden, WIDTH), "mlp.fc2": (WIDTH, hidden)}
    else:
        outputs |= {"mlp.w1": (hidden, WIDTH), "mlp.w2": (hidden, WIDTH), "mlp.w3": (WIDTH, hidden)}
    for block in (f"blocks.{i}." for i in range(DEPTH)):
        for name, (out, fan_in) in outputs.items():
            weights[f"{block}{name}.weight"] = normal(out, fan_in, scale=1.5 * fan_in**-0.5)
            weights[f"{block}{name}.bias"] = normal(out)
        if biases:
            weights[f"{block}attn.qkv.bias_mask"] = torch.ones(3, WIDTH).index_fill(0, torch.tensor(1), 0).flatten()
        else:
            del weights[f"{block}attn.qkv.bias"]
        for name in ("norm1", "norm2"):
            weights[f"{block}{name}.weight"] = 1 + normal(WIDTH)
            weights[f"{block}{name}.bias"] = normal(WIDTH)
        for name in ("ls1", "ls2"):
            weights[f"{block}{name}.gamma"] = normal(WIDTH)
    return weights


def turned(tokens: Tensor, grid: int, periods: Tensor) -> Tensor:
    """Rotary positions, one channel pair at a time: channel c of the first half belongs to c of the second.

    Args:
        tokens: ``[B, heads, grid * grid, d]``; the first quarter of the channels turns with y, the second with x.
        periods: ``[d / 4]``, in halves of the image side.
    """
    half = tokens.shape[-1] // 2
    centres = [(2 * i + 1) / grid - 1 for i in range(grid)]
    result = torch.empty_like(tokens)
    for patch in range(grid * grid):
        place = (centres[patch // grid], centres[patch % grid])
        for channel in range(half):
            axis, frequency = divmod(channel, half // 2)
            angle = 2 * math.pi * place[axis] / float(periods[frequency])
            first, second = tokens[..., patch, channel], tokens[..., patch, channel + half]
            result[..., patch, channel] = first * math.cos(angle) - second * math.sin(angle)
            result[..., patch, channel + half] = second * math.cos(angle) + first * math.sin(angle)
    return result


def plain_dinov3(weights: dict[str, Tensor], images: Tensor, periods: Tensor = PERIODS) -> Tensor:
    """Normalised patch tokens of DINOv3 for images in [0, 1], from Meta-named weights alone."""

    def dense(x: Tensor, name: str) -> Tensor:
        bias = weights.get(f"{name}.bias")
        if f"{name}.bias_mask" in weights:
            bias = bias * weights[f"{name}.bias_mask"]
        return linear(x, weights[f"{name}.weight"], bias)

    def norm(x: Tensor, name: str) -> Tensor:
        return layer_norm(x, x.shape[-1:], weights[f"{name}.weight"], weights[f"{name}.bias"], 1e-5)

    mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    embedded = conv2d(
        (images - mean) / std, weights["patch_embed.proj.weight"], weights["patch_embed.proj.bias"], stride=16
    )
    batch, width, grid, _ = embedded.shape
    first = [weights[key].expand(batch, -1, -1) for key in ("cls_token", "storage_tokens")]
    x = torch.cat([*first, embedded.flatten(2).transpose(1, 2)], dim=1)
    prefix = 1 + REGISTERS
    for block in (f"blocks.{i}" for i in range(DEPTH)):
        qkv = dense(norm(x, f"{block}.norm1"), f"{block}.attn.qkv")
        q, k, v = qkv.view(batch, -1, 3, HEADS, width // HEADS).permute(2, 0, 3, 1, 4)  # [B, heads, N, d]
        q, k = (torch.cat([part[:, :, :prefix], turned(part[:, :, prefix:], grid, periods)], dim=2) for part in (q, k))
        mixed = torch.softmax(q @ k.transpose(-1, -2) / (width // HEADS) ** 0.5, dim=-1) @ v
        mixed = mixed.transpose(1, 2).reshape(x.shape)
        x = x + dense(mixed, f"{block}.attn.proj") * weights[f"{block}.ls1.gamma"]
        hidden = norm(x, f"{block}.norm2")
        if f"{block}.mlp.w1.weight" in weights:
            hidden = dense(silu(dense(hidden, f"{block}.mlp.w1")) * dense(hidden, f"{block}.mlp.w2"), f"{block}.mlp.w3")
        else:
            hidden = dense(gelu(dense(hidden, f"{block}.mlp.fc1")), f"{block}.mlp.fc2")
        x = x + hidden * weights[f"{block}.ls2.gamma"]
    return norm(x, "norm")[:, prefix:]


def tiny_dinov3(weights: Path, **options: Any) -> Dinov3:
    """A tiny encoder of five patches per side."""
    sizes = {"image_size": 80, "patch_size": 16, "width": WIDTH, "depth": DEPTH, "heads": HEADS}
    rest: dict[str, Any] = {"hub_id": None, "url": None, "name": "tiny", "ffn": "mlp", "registers": REGISTERS}
    return Dinov3(weights, **(rest | sizes | options))


def pictures(count: int, size: int) -> Tensor:
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(7))


@pytest.mark.parametrize("image_size", [80, 112])
@pytest.mark.parametrize("biases", [True, False])
@pytest.mark.parametrize("ffn", ["mlp", "swiglu"])
def test_features_equal_a_plain_computation(tmp_path: Path, ffn: str, biases: bool, image_size: int) -> None:
    weights = random_weights(ffn, biases)
    torch.save(weights, tmp_path / "tiny.pth")
    encoder = tiny_dinov3(tmp_path / "tiny.pth", ffn=ffn, image_size=image_size)
    images = pictures(2, image_size)

    features = encoder(images)

    assert (encoder.grid, encoder.dim) == (image_size // 16, WIDTH)
    assert features.shape == (2, encoder.grid**2, WIDTH)
    assert features.dtype == torch.float32
    torch.testing.assert_close(features, plain_dinov3(weights, images), atol=1e-4, rtol=0)


def test_the_files_own_periods_are_used(tmp_path: Path) -> None:
    # Rounding them moves the features by more than the comparison above lets pass.
    weights = random_weights()
    torch.save(weights, tmp_path / "tiny.pth")
    images = pictures(1, 80)
    exact = 100 ** (torch.arange(4) / 4)
    assert (plain_dinov3(weights, images, exact) - plain_dinov3(weights, images)).abs().max() > 1e-3
    torch.testing.assert_close(
        tiny_dinov3(tmp_path / "tiny.pth")(images), plain_dinov3(weights, images), atol=1e-4, rtol=0
    )


@pytest.mark.parametrize("biases", [True, False])
@pytest.mark.parametrize("ffn", ["mlp", "swiglu"])
def test_transformers_layouts_give_transformers_features(tmp_path: Path, ffn: str, biases: bool) -> None:
    from transformers import DINOv3ViTModel

    architecture = Architecture(WIDTH, DEPTH, HEADS, ffn, REGISTERS, 16)
    network = load_network(architecture, random_weights(ffn, biases), "meta")
    network.save_pretrained(tmp_path / "folder")
    network.save_pretrained(tmp_path / "shards", max_shard_size="40KB")
    save_file({k: v.contiguous() for k, v in network.state_dict().items()}, tmp_path / "five.safetensors")
    assert len(list((tmp_path / "shards").glob("*.safetensors"))) > 1
    theirs = DINOv3ViTModel.from_pretrained(tmp_path / "folder").eval()
    images = pictures(1, 80)
    mean, std = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]]).view(2, 3, 1, 1)
    with torch.no_grad():
        expected = theirs((images - mean) / std).last_hidden_state[:, 1 + REGISTERS :]
    for name in ("folder", "folder/model.safetensors", "shards", "five.safetensors"):
        features = tiny_dinov3(tmp_path / name, ffn=ffn)(images)
        torch.testing.assert_close(features, expected, atol=1e-5, rtol=0, msg=name)


def test_the_hubs_naming_is_read(tmp_path: Path) -> None:
    network = load_network(Architecture(WIDTH, DEPTH, HEADS, "mlp", REGISTERS, 16), random_weights(), "meta")
    state = {key.removeprefix("model."): value.contiguous() for key, value in network.state_dict().items()}
    assert "layer.0.attention.q_proj.weight" in state
    save_file(state, tmp_path / "hub.safetensors")
    save_file({k: v.contiguous() for k, v in network.state_dict().items()}, tmp_path / "five.safetensors")
    images = pictures(1, 80)
    assert torch.equal(
        tiny_dinov3(tmp_path / "hub.safetensors")(images), tiny_dinov3(tmp_path / "five.safetensors")(images)
    )


def test_bf16_stays_close_and_returns_float32(tmp_path: Path) -> None:
    torch.save(random_weights(), tmp_path / "tiny.pth")
    images = pictures(1, 80)
    full = tiny_dinov3(tmp_path / "tiny.pth")(images)
    half = tiny_dinov3(tmp_path / "tiny.pth", precision="bf16")(images)
    assert half.dtype == torch.float32
    assert not torch.equal(half, full)
    assert torch.cosine_similarity(half, full, dim=-1).min() > 0.99


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler on a CPU")
def test_compiled_features_are_the_same(tmp_path: Path) -> None:
    torch.save(random_weights(), tmp_path / "tiny.pth")
    images = pictures(1, 80)
    expected = tiny_dinov3(tmp_path / "tiny.pth")(images)
    compiled = tiny_dinov3(tmp_path / "tiny.pth", compile=True)
    torch.testing.assert_close(compiled(images), expected, atol=1e-4, rtol=0)
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] > 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"image_size": 81}, "backbone.image_size=81 .* multiple of the patch size 16"),
        ({"heads": 16}, "backbone.heads=16 .* a multiple of four times the heads"),
    ],
)
def test_impossible_options_are_refused(tmp_path: Path, options: dict[str, int], words: str) -> None:
    torch.save(random_weights(), tmp_path / "tiny.pth")
    with pytest.raises(InputError, match=words):
        tiny_dinov3(tmp_path / "tiny.pth", **options)
