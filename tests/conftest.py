"""Where the tests find material that is not part of the project, and why they skip without it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def golden() -> Path:
    """Folder of expected outputs: ``NTT_GOLDEN``, else the copies in tests/golden."""
    folder = Path(os.environ.get("NTT_GOLDEN") or REPOSITORY / "tests" / "golden")
    if not folder.is_dir():
        pytest.skip(f"no golden folder at {folder}; set NTT_GOLDEN")
    return folder


@pytest.fixture(scope="session")
def tiny_coco() -> Path:
    """50 + 50 real COCO images: ``NTT_TINY_COCO``, else ../shared/data/tiny_coco beside the repository."""
    folder = Path(os.environ.get("NTT_TINY_COCO") or REPOSITORY.parent / "shared" / "data" / "tiny_coco")
    if not (folder / "annotations" / "instances_val2017.json").is_file():
        pytest.skip(f"tiny_coco is not at {folder}; set NTT_TINY_COCO")
    return folder


@pytest.fixture(scope="session")
def small_networks(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Options for the command line: small random networks of the true architectures, in Meta's file formats.

    They stand in for the checkpoints that cannot be had here, so the true loading code runs. Their detections mean
    nothing; that every number comes out the same way twice does.
    """
    import torch

    from ntt.segmenters.sam2_network import build_network

    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    dim, width = 64, 24
    attention = {"embedding_dim": dim, "feat_sizes": [8, 8]}
    overrides = {
        "image_encoder": {
            "trunk": {
                "embed_dim": width,
                "num_heads": 1,
                "stages": [1, 2, 3, 1],
                "global_att_blocks": [5],
                "window_spec": [8, 4, 8, 4],
            },
            "neck": {
                "position_encoding": {"num_pos_feats": dim},
                "d_model": dim,
                "backbone_channel_list": [8 * width, 4 * width, 2 * width, width],
            },
        },
        "memory_attention": {
            "d_model": dim,
            "num_layers": 1,
            "layer": {
                "d_model": dim,
                "dim_feedforward": 2 * dim,
                "self_attention": attention,
                "cross_attention": {**attention, "kv_in_dim": dim // 4},
            },
        },
        "memory_encoder": {
            "in_dim": dim,
            "out_dim": dim // 4,
            "position_encoding": {"num_pos_feats": dim // 4},
            "mask_downsampler": {"embed_dim": dim},
            "fuser": {"num_layers": 1, "layer": {"dim": dim}},
        },
    }
    architecture = "configs/sam2/sam2_hiera_t.yaml"
    segmenter = build_network(architecture, overrides, 128)
    for name, tensor in segmenter.state_dict().items():
        if tensor.ndim > 1 and "positional_encoding" not in name:
            tensor.normal_(std=tensor[0].numel() ** -0.5)
    torch.save({"model": segmenter.state_dict()}, folder / "sam2.pt")
    torch.save(_dinov2_in_metas_names(width=32, depth=2, grid=8), folder / "dinov2.pth")
    return [
        *("backbone=dinov2_vits14", f"backbone.weights={folder}/dinov2.pth", "backbone.image_size=112"),
        *("backbone.width=32", "backbone.depth=2", "backbone.heads=2"),
        *("segmenter=sam2_hiera_tiny", f"segmenter.weights={folder}/sam2.pt", "segmenter.image_size=128"),
        *("segmenter.points_per_side=6", f"++segmenter.overrides={_as_override(overrides)}"),
    ]


def _dinov2_in_metas_names(width: int, depth: int, grid: int) -> dict:
    import torch

    def random(*shape: int) -> torch.Tensor:
        return torch.randn(*shape) * shape[-1] ** -0.5

    state = {
        "cls_token": random(1, 1, width),
        "pos_embed": random(1, 1 + grid * grid, width),
        "mask_token": random(1, width),
        "patch_embed.proj.weight": torch.randn(width, 3, 14, 14) / 24,
        "patch_embed.proj.bias": torch.zeros(width),
        "norm.weight": torch.ones(width),
        "norm.bias": torch.zeros(width),
    }
    for i in range(depth):
        layers = {"attn.qkv": (3, 1), "attn.proj": (1, 1), "mlp.fc1": (4, 1), "mlp.fc2": (1, 4)}
        for name, (out_factor, in_factor) in layers.items():
            state[f"blocks.{i}.{name}.weight"] = random(out_factor * width, in_factor * width)
            state[f"blocks.{i}.{name}.bias"] = torch.zeros(out_factor * width)
        for name in ("norm1", "norm2"):
            state[f"blocks.{i}.{name}.weight"] = torch.ones(width)
            state[f"blocks.{i}.{name}.bias"] = torch.zeros(width)
        for name in ("ls1", "ls2"):
            state[f"blocks.{i}.{name}.gamma"] = torch.ones(width)
    return state


def _as_override(value: object) -> str:
    """A nested value in Hydra's override grammar."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{_as_override(v)}" for key, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_as_override, value)) + "]"
    return str(value)
