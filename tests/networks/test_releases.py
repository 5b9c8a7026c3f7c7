"""Files of one released network under the config of another."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from ntt.errors import InputError
from ntt.networks.releases import check_release, release_of, release_of_name, tensor_shapes
from ntt.segmenters.sam2_network import build_network

CONF = Path(__file__).resolve().parents[2] / "conf"


def sam2(channels: int, blocks: int, newer: bool) -> dict[str, tuple[int, ...]]:
    shapes = {"image_encoder.trunk.patch_embed.proj.weight": (channels, 3, 7, 7)}
    shapes |= {f"image_encoder.trunk.blocks.{n}.norm1.weight": (channels,) for n in range(blocks)}
    return shapes | ({"obj_ptr_tpos_proj.weight": (64, 256)} if newer else {})


def dino(channels: int, blocks: int, side: int, *more: str, front: str = "blocks") -> dict[str, tuple[int, ...]]:
    patches = "patch_embed.proj.weight" if front == "blocks" else "embeddings.patch_embeddings.projection.weight"
    shapes: dict[str, tuple[int, ...]] = {patches: (channels, 3, side, side)}
    shapes |= {f"{front}.{n}.norm1.weight": (channels,) for n in range(blocks)}
    return shapes | dict.fromkeys(more, (1,))


@pytest.mark.parametrize(
    ("shapes", "name"),
    [
        (sam2(96, 12, False), "sam2_hiera_tiny"),
        (sam2(96, 12, True), "sam2_1_hiera_tiny"),
        (sam2(96, 16, True), "sam2_1_hiera_small"),
        (sam2(112, 24, False), "sam2_hiera_base_plus"),
        (sam2(144, 48, True), "sam2_1_hiera_large"),
        (sam2(24, 3, True), None),
        (dino(384, 12, 14), "dinov2_vits14"),
        (dino(768, 12, 14, "register_tokens"), "dinov2_vitb14_reg"),
        (dino(1024, 24, 14, front="encoder.layer"), "dinov2_vitl14"),
        (dino(1536, 40, 14), "dinov2_vitg14"),
        (dino(384, 12, 16, "storage_tokens"), "dinov3_vits16"),
        (dino(384, 12, 16, "storage_tokens", "blocks.0.mlp.w3.weight"), "dinov3_vits16plus"),
        (dino(1024, 24, 16, "embeddings.register_tokens", front="layer"), "dinov3_vitl16"),
        (dino(768, 12, 16), None),  # another vision transformer
        (dino(100, 3, 14), None),
        ({"fc.weight": (10, 10)}, None),
        ({}, None),
    ],
)
def test_released_networks_are_known_by_their_tensors(shapes, name):
    assert release_of(shapes) == name
    if name:
        group = "segmenter" if name.startswith("sam2") else "backbone"
        assert (CONF / group / f"{name}.yaml").is_file()
        assert release_of_name(name)


def test_every_config_but_the_demo_s_is_a_released_network():
    names = {file.stem for group in ("backbone", "segmenter") for file in (CONF / group).glob("*.yaml")}
    assert {name for name in names if not release_of_name(name)} == {"dinov2_demo", "sam2_demo"}


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("files")
    found = {}
    for name, architecture in (
        ("sam2", "configs/sam2/sam2_hiera_t.yaml"),
        ("sam21", "configs/sam2.1/sam2.1_hiera_t.yaml"),
    ):
        state = build_network(architecture, {}, 1024).state_dict()
        found[name] = folder / f"{name}.pt"
        torch.save({"model": state}, found[name])
    save_file(state, folder / "sam21.safetensors")
    return {**found, "safetensors": folder / "sam21.safetensors"}


@pytest.mark.parametrize(
    ("file", "name", "advice"),
    [
        ("sam21", "sam2_hiera_tiny", "choose segmenter=sam2_1_hiera_tiny"),
        ("safetensors", "sam2_hiera_tiny", "choose segmenter=sam2_1_hiera_tiny"),
        ("sam2", "sam2_1_hiera_tiny", "choose segmenter=sam2_hiera_tiny"),
        ("sam2", "sam2_hiera_large", "choose segmenter=sam2_hiera_tiny"),
        ("sam2", "sam2_hiera_tiny", None),
        ("sam21", "my_own_config_of_it", None),
    ],
)
def test_the_config_that_fits_is_named(files, file, name, advice):
    if advice is None:
        check_release(files[file], "segmenter", name)
        return
    with pytest.raises(InputError) as caught:
        check_release(files[file], "segmenter", name)
    assert advice in str(caught.value)
    assert f"{files[file]} (segmenter.weights) holds" in str(caught.value)


def test_an_encoder_s_file_is_no_segmenter(tmp_path):
    path = tmp_path / "dino.safetensors"
    save_file({name: torch.zeros(shape) for name, shape in dino(384, 12, 14).items()}, path)
    with pytest.raises(InputError, match="holds dinov2_vits14, which is no segmenter"):
        check_release(path, "segmenter", "sam2_demo")


def test_files_that_cannot_be_read_are_left_to_who_loads_them(tmp_path):
    (tmp_path / "net.pt").write_bytes(b"nothing")
    assert tensor_shapes(tmp_path / "net.pt") == {}
    check_release(tmp_path / "net.pt", "backbone", "dinov2_vits14")
