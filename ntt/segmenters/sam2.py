"""SAM 2 and 2.1 as a proposer of class-agnostic masks, with Meta's original weights."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ntt.checkpoints import check_keys, read_checkpoint
from ntt.hashing import file_sha256
from ntt.imagenet import normalise
from ntt.precision import autocast, check_precision
from ntt.segmenters.decoding import Embedding, RawProposals, decode_points
from ntt.segmenters.points import point_grid
from ntt.segmenters.sam2_network import build_network

_WEIGHTS_KEY = "segmenter.weights"


class Sam2:
    """A frozen SAM 2: ``encode`` images once, then ``propose`` masks from point prompts.

    Args:
        weights: Meta's ``.pt`` file, or a ``.safetensors`` file with the same names.
        url: where ``weights`` can be downloaded, for the message when it is missing; None where it cannot.
        name: how this segmenter is called in messages.
        architecture: a YAML file of the ``sam2`` package (``configs/sam2/sam2_hiera_l.yaml``), or a path.
        overrides: merged into that file's ``model`` node, to describe small networks of its architecture.
        image_size: side S of the input in pixels, a multiple of 32.
        points_per_side: the point prompts of ``grid`` form a square of this many points per side.
        iou_threshold: a mask is kept when its predicted IoU is above this.
        prompt_batch: prompts decoded together; bounds the memory, not the result.
        device: where the network runs.
        precision: "fp32", or "bf16" / "fp16" for autocast.

    Attributes:
        mask_size: side of the mask grid, S/4.
        grid: float32 ``[points_per_side ** 2, 2]``, (x, y) in pixels of the input, x outermost.

    Raises:
        InputError: the weights are missing, unreadable or those of another network; precision or
            architecture is unknown.
    """

    def __init__(
        self,
        weights: str | Path,
        url: str | None,
        name: str,
        architecture: str,
        overrides: Mapping[str, Any] | None = None,
        image_size: int = 1024,
        points_per_side: int = 32,
        iou_threshold: float = 0.4,
        prompt_batch: int = 64,
        device: str | torch.device = "cpu",
        precision: str = "fp32",
    ) -> None:
        check_precision(precision)
        self.name = name
        self.weights = Path(weights)
        self.image_size = image_size
        self.mask_size = image_size // 4
        self.grid = point_grid(points_per_side, image_size)
        self.iou_threshold = iou_threshold
        self.prompt_batch = prompt_batch
        self.device = torch.device(device)
        self._precision = precision
        # Before the network is built: that takes seconds, noticing a missing file none.
        tensors = read_checkpoint(self.weights, _WEIGHTS_KEY, url)
        network = build_network(architecture, overrides or {}, image_size)
        check_keys(self.weights, {key: tuple(t.shape) for key, t in network.state_dict().items()}, tensors)
        network.load_state_dict(tensors)
        self.network = network.requires_grad_(False).to(self.device)

    @cached_property
    def weights_sha256(self) -> str:
        """Hex sha256 of the weights file: the network's identity in fingerprints."""
        return file_sha256(self.weights)

    @torch.no_grad()
    def encode(self, images: Tensor) -> Embedding:
        """Embed images that are already resized to the input size.

        Args:
            images: ``[B, 3, S, S]``, RGB in [0, 1]; normalised here with ImageNet's mean and deviation.
        """
        if images.ndim != 4 or images.shape[1:] != (3, self.image_size, self.image_size):
            wanted = f"[B, 3, {self.image_size}, {self.image_size}]"
            raise ValueError(f"{self.name} takes images of shape {wanted}, not {list(images.shape)}")
        normalised = normalise(images.to(self.device, torch.float32))
        with autocast(self.device, self._precision):
            levels = self.network.forward_image(normalised)["backbone_fpn"]  # finest first
        *high_res, image_embed = levels[-self.network.num_feature_levels :]
        # A still image has no memory of earlier frames; the network was trained to be told so.
        if self.network.directly_add_no_mem_embed:
            image_embed = image_embed + self.network.no_mem_embed.view(1, -1, 1, 1)
        return Embedding(image_embed, high_res)

    def propose(self, embedding: Embedding, points: Tensor) -> RawProposals:
        """Masks of one image, at most one per point, in the points' order (method sections 4.3 and 4.4).

        Args:
            embedding: of one image: ``encode(images)[index]``.
            points: ``[P, 2]``, (x, y) in pixels of the input.
        """
        with autocast(self.device, self._precision):
            return decode_points(self.network, embedding, points, self.iou_threshold, self.prompt_batch)
