"""One image through both networks (method, section 4)."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from ntt.proposals.boxes import mask_boxes
from ntt.proposals.masks import encode_logits
from ntt.proposals.overlaps import mask_overlaps
from ntt.proposals.shards import ImageProposals
from ntt.proposals.vectors import mask_vectors
from ntt.segmenters.decoding import Embedding, RawProposals


class Encoder(Protocol):
    """What proposals need of a backbone."""

    image_size: int
    grid: int

    def __call__(self, images: Tensor) -> Tensor:
        """[B, 3, S, S] in [0, 1] -> float32 [B, grid * grid, D]."""


class Segmenter(Protocol):
    """What proposals need of a segmenter."""

    image_size: int
    grid: Tensor

    def encode(self, images: Tensor) -> Embedding:
        """[B, 3, S, S] in [0, 1] -> embeddings."""

    def propose(self, embedding: Embedding, points: Tensor) -> RawProposals:
        """One image's embedding and points [P, 2] -> the masks worth keeping."""


def network_input(image: np.ndarray, side: int) -> Tensor:
    """uint8 [H, W, 3] -> float32 [3, side, side] in [0, 1], aspect not kept (method, section 4, step 1)."""
    resized = Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC)
    return torch.from_numpy(np.array(resized)).permute(2, 0, 1).float() / 255


@torch.no_grad()
def propose(image: np.ndarray, backbone: Encoder, segmenter: Segmenter, vector_dtype: torch.dtype) -> ImageProposals:
    """All class-agnostic proposals of one image.

    Args:
        image: uint8 [H, W, 3] RGB.
        backbone: image -> patch features.
        segmenter: image -> masks.
        vector_dtype: how precisely vectors are kept.
    """
    height, width = image.shape[:2]
    squared = network_input(image, segmenter.image_size).unsqueeze(0)  # [1, 3, S, S]
    raw = segmenter.propose(segmenter.encode(squared)[0], segmenter.grid)
    if len(raw) == 0:
        return ImageProposals.nothing(height, width)
    side = backbone.image_size
    # The published code resizes twice, and so do we: 1024 by PIL, then the encoder's side by torch.
    encoder_input = F.interpolate(squared, (side, side), mode="bicubic", align_corners=False)
    features = backbone(encoder_input)[0]  # [grid * grid, D]
    low = raw.logits > 0  # [N, m, m]
    final = encode_logits(raw.logits, height, width)
    return ImageProposals(
        height,
        width,
        raw.predicted_iou.cpu(),
        mask_boxes(low).cpu(),
        final.boxes,
        final.areas,
        mask_vectors(features, low, backbone.grid).to("cpu", vector_dtype),
        [rle["counts"] for rle in final.rles],
        mask_overlaps(final.rles),
    )
