"""Which released network a checkpoint holds, told by the names and shapes of its tensors.

So that a file of one network under the config of another is refused at the start, with the config that fits.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import safe_open

from ntt.errors import InputError
from ntt.networks.wrappers import unwrapped

Shapes = Mapping[str, tuple[int, ...]]

# (channels of the first stage, blocks) -> size
_HIERA = {(96, 12): "tiny", (96, 16): "small", (112, 24): "base_plus", (144, 48): "large"}
_PATCHES = (
    "patch_embed.proj.weight",
    "embeddings.patch_embeddings.projection.weight",
    "embeddings.patch_embeddings.weight",
)
# (channels, blocks) -> size
_DINOV2 = {(384, 12): "vits14", (768, 12): "vitb14", (1024, 24): "vitl14", (1536, 40): "vitg14"}
_DINOV3 = {
    (384, 12, False): "vits16",
    (384, 12, True): "vits16plus",
    (768, 12, False): "vitb16",
    (1024, 24, False): "vitl16",
    (1280, 32, True): "vith16plus",
    (4096, 40, True): "vit7b16",
}


def check_release(weights: Path, key: str, name: str) -> None:
    """Refuse the file of another released network than the configured one.

    What is no released network, or cannot be read, passes: loading it says more.

    Args:
        weights: the checkpoint's file.
        key: the config group, "backbone" or "segmenter".
        name: of the configured network, as its file in conf/ is called.

    Raises:
        InputError: names what the file holds and the option that fits it.
    """
    found = release_of(tensor_shapes(weights))
    if found is None or found == name:
        return
    group = "segmenter" if found.startswith("sam2") else "backbone"
    if group != key:
        raise InputError(
            f"{weights} ({key}.weights) holds {found}, which is no {key}: give {key}.weights the file of a {key}, and "
            f"this one to {group}.weights with {group}={found}."
        )
    if release_of_name(name):
        raise InputError(
            f"{weights} ({key}.weights) holds {found}, and {key} is {name}: choose {key}={found} for it, or give "
            f"{key}.weights the file of {name}."
        )


def release_of_name(name: str) -> bool:
    """Whether a config of this name stands for a released network."""
    sizes = [f"sam2_{minor}hiera_{size}" for minor in ("", "1_") for size in _HIERA.values()]
    sizes += [f"dinov2_{size}{registers}" for size in _DINOV2.values() for registers in ("", "_reg")]
    return name in sizes or name in [f"dinov3_{size}" for size in _DINOV3.values()]


def release_of(shapes: Shapes) -> str | None:
    """The released network that has these tensors, as its file in conf/ is called; None where it is none of them."""
    return _sam2(shapes) or _dino(shapes)


def tensor_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Names and shapes of a file's tensors, without reading their values; empty where that cannot be done."""
    try:
        if path.suffix == ".safetensors":
            with safe_open(path, framework="pt") as file:
                return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
        loaded = torch.load(path, map_location="meta", weights_only=True, mmap=True)
        return {name: tuple(tensor.shape) for name, tensor in unwrapped(loaded, str(path)).items()}
    except Exception:  # whatever is wrong with the file is told when it is loaded
        return {}


def _sam2(shapes: Shapes) -> str | None:
    first = shapes.get("image_encoder.trunk.patch_embed.proj.weight")
    if first is None:
        return None
    size = _HIERA.get((first[0], _blocks(shapes, "image_encoder.trunk.blocks")))
    release = "sam2_1" if "obj_ptr_tpos_proj.weight" in shapes else "sam2"
    return f"{release}_hiera_{size}" if size else None


def _dino(shapes: Shapes) -> str | None:
    patches = next((shapes[name] for name in _PATCHES if name in shapes), None)
    if patches is None or len(patches) != 4:
        return None
    channels, side = patches[0], patches[-1]
    blocks = max(_blocks(shapes, front) for front in ("blocks", "encoder.layer", "layer", "model.layer"))
    registers = any(name.endswith(("register_tokens", "storage_tokens")) for name in shapes)
    if side == 14:
        size = _DINOV2.get((channels, blocks))
        return f"dinov2_{size}{'_reg' if registers else ''}" if size else None
    gated = any(re.search(r"\.mlp\.(w3|gate_proj)\.", name) for name in shapes)
    size = _DINOV3.get((channels, blocks, gated)) if side == 16 and registers else None
    return f"dinov3_{size}" if size else None


def _blocks(shapes: Shapes, front: str) -> int:
    numbers = {found[1] for name in shapes if (found := re.match(rf"{re.escape(front)}\.(\d+)\.", name))}
    return len(numbers)
