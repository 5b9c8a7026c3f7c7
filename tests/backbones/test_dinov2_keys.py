"""Every tensor of Meta's eight released files goes to exactly one place, and every place is filled."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from ntt.backbones.architecture import Architecture
from ntt.backbones.dinov2_keys import sources
from ntt.backbones.dinov2_network import empty_network, load_network
from ntt.backbones.keys import rename, source_shapes
from ntt.errors import InputError

# Width, depth, heads, hidden width of the feed-forward network.
RELEASED = {
    "vits14": (384, 12, 6, 1536),
    "vitb14": (768, 12, 12, 3072),
    "vitl14": (1024, 24, 16, 4096),
    "vitg14": (1536, 40, 24, 4096),
}


def meta_shapes(width: int, depth: int, hidden: int, ffn: str, registers: int) -> dict[str, tuple[int, ...]]:
    """Names and shapes in Meta's files, written down from Meta's network rather than from ours."""
    shapes: dict[str, tuple[int, ...]] = {
        "cls_token": (1, 1, width),
        "pos_embed": (1, 1370, width),
        "mask_token": (1, width),
        "patch_embed.proj.weight": (width, 3, 14, 14),
        "patch_embed.proj.bias": (width,),
        "norm.weight": (width,),
        "norm.bias": (width,),
    }
    if registers:
        shapes["register_tokens"] = (1, registers, width)
    linear = {"attn.qkv": (3 * width, width), "attn.proj": (width, width)}
    if ffn == "mlp":
        linear |= {"mlp.fc1": (hidden, width), "mlp.fc2": (width, hidden)}
    else:
        linear |= {"mlp.w12": (2 * hidden, width), "mlp.w3": (width, hidden)}
    for block in (f"blocks.{i}." for i in range(depth)):
        for name, shape in linear.items():
            shapes[f"{block}{name}.weight"] = shape
            shapes[f"{block}{name}.bias"] = shape[:1]
        for name in ("norm1.weight", "norm1.bias", "norm2.weight", "norm2.bias", "ls1.gamma", "ls2.gamma"):
            shapes[block + name] = (width,)
    return shapes


@pytest.mark.parametrize("registers", [0, 4])
@pytest.mark.parametrize("size", RELEASED)
def test_released_files_fill_the_network_exactly(size: str, registers: int) -> None:
    width, depth, heads, hidden = RELEASED[size]
    ffn = "swiglu" if size == "vitg14" else "mlp"
    network = empty_network(Architecture(width, depth, heads, ffn, registers, 14), grid=37)
    shapes = {name: tuple(parameter.shape) for name, parameter in network.named_parameters()}
    released = meta_shapes(width, depth, hidden, ffn, registers)
    wanted = sources(shapes, released)

    assert source_shapes(wanted, shapes) == released

    renamed = rename(wanted, {key: torch.empty(shape, device="meta") for key, shape in released.items()})
    assert {name: tuple(tensor.shape) for name, tensor in renamed.items()} == shapes
    # Each slice of each tensor is used once: no two parameters share a source.
    assert len(set(wanted.values())) == len(wanted)
    assert sum(1 / source.parts for source in wanted.values()) == pytest.approx(len(released))


def test_stacked_tensors_are_split_in_metas_order() -> None:
    names = [f"encoder.layer.3.attention.{which}_proj.weight" for which in "qkv"]
    names += ["encoder.layer.3.mlp.gate_proj.weight", "encoder.layer.3.mlp.up_proj.weight"]
    found = {
        "blocks.3.attn.qkv.weight": torch.arange(6.0)[:, None],
        "blocks.3.mlp.w12.weight": torch.arange(4.0),
    }
    renamed = rename(sources(names, {"pos_embed", *found}), found)
    assert [renamed[name].flatten().tolist() for name in names] == [[0, 1], [2, 3], [4, 5], [0, 1], [2, 3]]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda found: found.pop("blocks.1.ls2.gamma"), "1 missing: blocks.1.ls2.gamma"),
        (lambda found: found.update({"head.weight": torch.zeros(1)}), "1 unexpected: head.weight"),
        (
            lambda found: found.update({"blocks.0.attn.qkv.bias": torch.zeros(4)}),
            r"1 of another shape: blocks.0.attn.qkv.bias is \[4\] and should be \[48\]",
        ),
        (lambda found: found.update({"pos_embed": torch.zeros(1, 8, 16)}), r"pos_embed is \[1, 8, 16\]"),
        (lambda found: found.update({"pos_embed": torch.zeros(16)}), r"pos_embed is \[16\]"),
    ],
)
def test_another_network_is_refused_by_name(change: Callable[[dict[str, torch.Tensor]], object], words: str) -> None:
    found = {key: torch.zeros(shape) for key, shape in meta_shapes(16, 2, 64, "mlp", 0).items()}
    change(found)
    with pytest.raises(InputError, match=f"weights.pth does not hold .* width 16, depth 2.*{words}"):
        load_network(Architecture(16, 2, 2, "mlp", 0, 14), 37, found, "weights.pth")


def test_long_lists_of_keys_are_cut() -> None:
    found = {key: torch.zeros(shape) for key, shape in meta_shapes(16, 1, 64, "mlp", 0).items()}
    with pytest.raises(InputError, match=r"42 missing: (blocks\.[\w.]+, ){3}\.\.\.") as caught:
        load_network(Architecture(16, 4, 2, "mlp", 0, 14), 37, found, "weights.pth")
    assert len(str(caught.value)) < 400
