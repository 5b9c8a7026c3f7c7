"""Features against a second DINOv2, written here in plain tensor functions on Meta's key names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn.functional import conv2d, gelu, interpolate, layer_norm, linear, silu

from ntt.backbones.architecture import Architecture
from ntt.backbones.dinov2 import Dinov2
from ntt.backbones.dinov2_network import load_network
from ntt.errors import InputError
from ntt.store.hashing import file_sha256

URL = "https://example.org/dinov2_tiny_pretrain.pth"
WIDTH, DEPTH, HEADS = 32, 2, 4


def random_weights(
    ffn: str = "mlp", registers: int = 0, grid: int = 5, width: int = WIDTH, depth: int = DEPTH
) -> dict[str, Tensor]:
    """A state dict with Meta's names. Scales are those of trained networks, so that every part matters."""
    generator = torch.Generator().manual_seed(registers + 10 * grid)

    def normal(*shape: int, scale: float = 0.5) -> Tensor:
        return torch.randn(*shape, generator=generator) * scale

    hidden = 4 * width if ffn == "mlp" else (int(4 * width * 2 / 3) + 7) // 8 * 8
    weights = {
        "cls_token": normal(1, 1, width),
        "pos_embed": normal(1, 1 + grid * grid, width),
        "mask_token": normal(1, width),
        "patch_embed.proj.weight": normal(width, 3, 14, 14, scale=0.04),
        "patch_embed.proj.bias": normal(width),
        "norm.weight": 1 + normal(width),
        "norm.bias": normal(width),
    }
    if registers:
        weights["register_tokens"] = normal(1, registers, width)
    outputs = {"attn.qkv": (3 * width, width), "attn.proj": (width, width)}
    if ffn == "mlp":
        outputs |= {"mlp.fc1": (hidden, width), "mlp.fc2": (width, hidden)}
    else:
        outputs |= {"mlp.w12": (2 * hidden, width), "mlp.w3": (width, hidden)}
    for block in (f"blocks.{i}." for i in range(depth)):
        for name, (out, fan_in) in outputs.items():
            weights[f"{block}{name}.weight"] = normal(out, fan_in, scale=1.5 * fan_in**-0.5)
            weights[f"{block}{name}.bias"] = normal(out)
        for name in ("norm1", "norm2"):
            weights[f"{block}{name}.weight"] = 1 + normal(width)
            weights[f"{block}{name}.bias"] = normal(width)
        for name in ("ls1", "ls2"):
            weights[f"{block}{name}.gamma"] = normal(width)
    return weights


def plain_dinov2(weights: dict[str, Tensor], images: Tensor, heads: int) -> Tensor:
    """Normalised patch tokens of DINOv2 for images in [0, 1], from Meta-named weights alone."""

    def dense(x: Tensor, name: str) -> Tensor:
        return linear(x, weights[f"{name}.weight"], weights[f"{name}.bias"])

    def norm(x: Tensor, name: str) -> Tensor:
        return layer_norm(x, x.shape[-1:], weights[f"{name}.weight"], weights[f"{name}.bias"], 1e-6)

    mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    embedded = conv2d((images - mean) / std, weights["patch_embed.proj.weight"], None, stride=14)
    batch, width, grid, _ = embedded.shape
    x = embedded.flatten(2).transpose(1, 2) + weights["patch_embed.proj.bias"]
    x = torch.cat([weights["cls_token"].expand(batch, -1, -1), x], dim=1)
    registers = weights.get("register_tokens")
    x = x + plain_positions(weights["pos_embed"], grid, registers is not None)
    if registers is not None:
        x = torch.cat([x[:, :1], registers.expand(batch, -1, -1), x[:, 1:]], dim=1)
    for block in (f"blocks.{i}" for i in range(len([key for key in weights if key.endswith("ls1.gamma")]))):
        qkv = dense(norm(x, f"{block}.norm1"), f"{block}.attn.qkv")
        q, k, v = qkv.view(batch, -1, 3, heads, width // heads).permute(2, 0, 3, 1, 4)  # [B, heads, N, d]
        mixed = torch.softmax(q @ k.transpose(-1, -2) / (width // heads) ** 0.5, dim=-1) @ v
        mixed = mixed.transpose(1, 2).reshape(x.shape)
        x = x + dense(mixed, f"{block}.attn.proj") * weights[f"{block}.ls1.gamma"]
        hidden = norm(x, f"{block}.norm2")
        if f"{block}.mlp.w12.weight" in weights:
            gate, value = dense(hidden, f"{block}.mlp.w12").chunk(2, dim=-1)
            hidden = dense(silu(gate) * value, f"{block}.mlp.w3")
        else:
            hidden = dense(gelu(dense(hidden, f"{block}.mlp.fc1")), f"{block}.mlp.fc2")
        x = x + hidden * weights[f"{block}.ls2.gamma"]
    return norm(x, "norm")[:, -grid * grid :]


def plain_positions(table: Tensor, grid: int, registers: bool) -> Tensor:
    """Meta's resizing: an offset of 0.1 without registers, antialiasing and the exact size with."""
    side = round((table.shape[1] - 1) ** 0.5)
    if side == grid:
        return table
    square = table[:, 1:].view(1, side, side, -1).permute(0, 3, 1, 2)
    how = {"size": (grid, grid), "antialias": True} if registers else {"scale_factor": (grid + 0.1) / side}
    resized = interpolate(square, mode="bicubic", **how)
    return torch.cat([table[:, :1], resized.flatten(2).transpose(1, 2)], dim=1)


def tiny_dinov2(weights: Path | str | None, **options: Any) -> Dinov2:
    """A tiny encoder of five patches per side."""
    sizes = {"image_size": 70, "patch_size": 14, "width": WIDTH, "depth": DEPTH, "heads": HEADS}
    rest: dict[str, Any] = {
        "hub_id": "example/dinov2-tiny",
        "url": URL,
        "name": "tiny",
        "ffn": "mlp",
        "registers": 0,
    }
    return Dinov2(weights, **(rest | sizes | options))


def pictures(count: int, size: int) -> Tensor:
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(7))


@pytest.mark.parametrize("image_size", [70, 98, 42], ids=["trained", "larger", "smaller"])
@pytest.mark.parametrize("registers", [0, 4])
@pytest.mark.parametrize("ffn", ["mlp", "swiglu"])
def test_features_equal_a_plain_computation(tmp_path: Path, ffn: str, registers: int, image_size: int) -> None:
    weights = random_weights(ffn, registers)
    torch.save(weights, tmp_path / "tiny.pth")
    encoder = tiny_dinov2(tmp_path / "tiny.pth", ffn=ffn, registers=registers, image_size=image_size)
    images = pictures(2, image_size)

    features = encoder(images)

    assert (encoder.grid, encoder.dim) == (image_size // 14, WIDTH)
    assert features.shape == (2, encoder.grid**2, WIDTH)
    assert features.dtype == torch.float32
    torch.testing.assert_close(features, plain_dinov2(weights, images, HEADS), atol=1e-4, rtol=0)


def test_the_offset_of_plain_positions_is_visible(tmp_path: Path) -> None:
    # Were it not, the comparison above could not tell Meta's resizing from transformers'.
    weights = random_weights()
    torch.save(weights, tmp_path / "tiny.pth")
    images = pictures(1, 98)
    square = weights["pos_embed"][:, 1:].view(1, 5, 5, -1).permute(0, 3, 1, 2)
    exact = interpolate(square, size=(7, 7), mode="bicubic").flatten(2).transpose(1, 2)
    without_offset = weights | {"pos_embed": torch.cat([weights["pos_embed"][:, :1], exact], dim=1)}
    features = tiny_dinov2(tmp_path / "tiny.pth", image_size=98)(images)
    assert (features - plain_dinov2(without_offset, images, HEADS)).abs().max() > 1e-2


def test_full_size_small_model_at_518(tmp_path: Path) -> None:
    weights = random_weights(grid=37, width=384, depth=12)
    for key in weights:
        if key.endswith("gamma"):
            weights[key] *= 0.2  # deep random networks amplify rounding; trained layer scales are this small
    torch.save(weights, tmp_path / "vits14.pth")
    encoder = tiny_dinov2(tmp_path / "vits14.pth", image_size=518, width=384, depth=12, heads=6)
    images = pictures(1, 518)
    features = encoder(images)
    assert features.shape == (1, 1369, 384)
    torch.testing.assert_close(features, plain_dinov2(weights, images, 6), atol=1e-4, rtol=0)


@pytest.mark.parametrize("registers", [0, 4])
@pytest.mark.parametrize("ffn", ["mlp", "swiglu"])
def test_every_layout_gives_the_same_features(tmp_path: Path, ffn: str, registers: int) -> None:
    weights = random_weights(ffn, registers)
    torch.save(weights, tmp_path / "meta.pth")
    torch.save(weights, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    save_file(weights, tmp_path / "meta.safetensors")
    network = load_network(Architecture(WIDTH, DEPTH, HEADS, ffn, registers, 14), 5, weights, "meta")
    save_file(
        {key: value.contiguous() for key, value in network.state_dict().items()},
        tmp_path / "five.safetensors",
    )
    network.save_pretrained(tmp_path / "folder")
    network.save_pretrained(tmp_path / "shards", max_shard_size="40KB")
    assert len(list((tmp_path / "shards").glob("*.safetensors"))) > 1
    images = pictures(1, 70)
    expected = tiny_dinov2(tmp_path / "meta.pth", ffn=ffn, registers=registers)(images)
    for name in (
        "old.pth",
        "meta.safetensors",
        "five.safetensors",
        "folder",
        "folder/model.safetensors",
        "shards",
    ):
        features = tiny_dinov2(tmp_path / name, ffn=ffn, registers=registers)(images)
        assert torch.equal(features, expected), name


def test_weights_are_what_transformers_itself_reads(tmp_path: Path) -> None:
    # The names in Hub files are read by a table of ours: transformers' own loader must agree with it.
    from transformers import Dinov2Model

    network = load_network(Architecture(WIDTH, DEPTH, HEADS, "swiglu", 0, 14), 5, random_weights("swiglu"), "meta")
    network.save_pretrained(tmp_path)
    theirs = Dinov2Model.from_pretrained(tmp_path).state_dict()
    ours = network.state_dict()
    assert theirs.keys() == ours.keys()
    assert all(torch.equal(theirs[name], ours[name]) for name in ours)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_stays_close_and_returns_float32(tmp_path: Path, precision: str) -> None:
    torch.save(random_weights(), tmp_path / "tiny.pth")
    images = pictures(1, 70)
    full = tiny_dinov2(tmp_path / "tiny.pth")(images)
    half = tiny_dinov2(tmp_path / "tiny.pth", precision=precision)(images)
    assert half.dtype == torch.float32
    assert not torch.equal(half, full)
    assert torch.cosine_similarity(half, full, dim=-1).min() > 0.99


def test_half_precision_weights_are_computed_in_float32(tmp_path: Path) -> None:
    weights = {key: value.half() for key, value in random_weights().items()}
    torch.save(weights, tmp_path / "half.pth")
    images = pictures(1, 70)
    expected = plain_dinov2({key: value.float() for key, value in weights.items()}, images, HEADS)
    torch.testing.assert_close(tiny_dinov2(tmp_path / "half.pth")(images), expected, atol=1e-4, rtol=0)


def test_features_are_ordinary_tensors(tmp_path: Path) -> None:
    torch.save(random_weights(), tmp_path / "tiny.pth")
    features = tiny_dinov2(tmp_path / "tiny.pth")(pictures(1, 70))
    assert not features.requires_grad
    features.mul_(2)  # forbidden outside inference mode for tensors made in it


def test_images_of_another_size_are_refused(tmp_path: Path) -> None:
    torch.save(random_weights(), tmp_path / "tiny.pth")
    with pytest.raises(ValueError, match=r"tiny takes images of shape \[B, 3, 70, 70\], not \[1, 3, 84, 84\]"):
        tiny_dinov2(tmp_path / "tiny.pth")(pictures(1, 84))


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("precision", "fp8", "precision=fp8 .* exact, fp32, tf32, bf16, fp16"),
        ("image_size", 71, "backbone.image_size=71 .* multiple of the patch size 14"),
        ("ffn", "moe", "backbone.ffn=moe .* mlp, swiglu"),
        ("heads", 5, "backbone.heads=5 .* divisor of the width 32"),
    ],
)
def test_impossible_options_are_refused(tmp_path: Path, option: str, value: object, words: str) -> None:
    torch.save(random_weights(), tmp_path / "tiny.pth")
    with pytest.raises(InputError, match=words):
        tiny_dinov2(tmp_path / "tiny.pth", **{option: value})


def test_digest_is_that_of_the_file(tmp_path: Path) -> None:
    torch.save(random_weights(), tmp_path / "tiny.pth")
    assert tiny_dinov2(tmp_path / "tiny.pth").weights_sha256 == file_sha256(tmp_path / "tiny.pth")
