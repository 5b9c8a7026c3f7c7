"""Small random networks of the true architectures, in Meta's own file formats and key names.

They stand in for checkpoints that cannot be had here, so that the true loading code runs. Their detections mean
nothing; that every number comes out the same way twice does.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ntt.segmenters.decoding import RawProposals
from ntt.segmenters.sam2_network import build_network

SAM2_ARCHITECTURE = "configs/sam2/sam2_hiera_t.yaml"
SAM2_DIM = 64  # channels of the image embedding


def write_networks(folder: Path) -> list[str]:
    """Save both networks in `folder`; returns the command-line options that use them."""
    write_sam2(folder / "sam2.pt", image_size=128)
    torch.manual_seed(0)
    torch.save(dinov2_in_metas_names(width=32, depth=2, grid=8), folder / "dinov2.pth")
    return [
        *("backbone=dinov2_vits14", f"backbone.weights={folder}/dinov2.pth", "backbone.image_size=112"),
        *("backbone.width=32", "backbone.depth=2", "backbone.heads=2"),
        *("segmenter=sam2_hiera_tiny", f"segmenter.weights={folder}/sam2.pt", "segmenter.image_size=128"),
        *("proposals.points_per_side=6", f"++segmenter.overrides={_as_override(sam2_overrides())}"),
    ]


def write_sam2(path: Path, image_size: int, seed: int = 0) -> dict[str, Tensor]:
    """Save a small SAM 2; its weights are scaled so that masks and IoUs differ between prompts."""
    torch.manual_seed(seed)
    state = build_network(SAM2_ARCHITECTURE, sam2_overrides(), image_size).state_dict()
    for name, tensor in state.items():
        if tensor.ndim > 1 and "positional_encoding" not in name:
            tensor.normal_(std=tensor[0].numel() ** -0.5)
    torch.save({"model": state}, path)
    return state


def sam2_overrides(width: int = 24, dim: int = SAM2_DIM) -> dict[str, Any]:
    """SAM 2's architecture at a width of about a million parameters: every module is there, only narrower."""
    attention = {"embedding_dim": dim, "feat_sizes": [8, 8]}
    return {
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


def dinov2_in_metas_names(width: int, depth: int, grid: int) -> dict[str, Tensor]:
    """A random DINOv2 with patches of 14 pixels, trained (so to speak) on a `grid` x `grid` of them."""

    def random(*shape: int) -> Tensor:
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
    layers = {"attn.qkv": (3, 1), "attn.proj": (1, 1), "mlp.fc1": (4, 1), "mlp.fc2": (1, 4)}
    for i in range(depth):
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


class SlowSegmenter:
    """A segmenter that costs time and no core, as one that waits for its own GPU; it finds nothing.

    For `segmenter._target_`; `proposals.iou_threshold` is its cost in seconds per image.
    """

    def __init__(self, image_size: int, iou_threshold: float, **_: Any) -> None:
        self.image_size = image_size
        self.grid = torch.zeros(1, 2)
        self._seconds = iou_threshold

    def encode(self, images: Tensor) -> list[Tensor]:
        """One stand-in embedding per image."""
        return [images[:1]]

    def propose(self, embedding: Tensor, points: Tensor) -> RawProposals:
        """Sleep, then nothing."""
        del embedding, points
        time.sleep(self._seconds)
        return RawProposals(torch.zeros(0, 1, 1), torch.zeros(0))
