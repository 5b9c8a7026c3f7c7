"""One image through both networks (docs/method.md, section 4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from ntt.masks.boxes import mask_boxes
from ntt.masks.final import encode_final
from ntt.proposals.image_proposals import ImageProposals
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

    def points_like(self, prototypes: Tensor, features: Tensor) -> Tensor:
        """[C, D] and one image's patches [g * g, D] -> the points of ``grid`` worth a prompt."""


def network_input(image: np.ndarray, side: int) -> Tensor:
    """uint8 [H, W, 3] -> uint8 [side, side, 3], aspect not kept (docs/method.md, section 4.1).

    Whole numbers, as PIL makes them: a quarter of the bytes to keep and to bring to a device.
    """
    return torch.from_numpy(np.array(Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC)))


def unit_range(images: Tensor) -> Tensor:
    """uint8 [B, S, S, 3] of :func:`network_input` -> float32 [B, 3, S, S] in [0, 1], where they are."""
    return images.permute(0, 3, 1, 2).to(torch.float32, memory_format=torch.contiguous_format) / 255


@dataclass(frozen=True)
class Seen:
    """What the networks make of one image, on their device.

    Attributes:
        raw: the masks worth keeping.
        boxes_low: int64 [N, 4], xyxy inclusive extents on the mask grid.
        vectors: float32 [N, D], L2-normalised.
    """

    raw: RawProposals
    boxes_low: Tensor
    vectors: Tensor


@dataclass(frozen=True)
class Networks:
    """The two of them.

    Attributes:
        backbone: image -> patch features.
        segmenter: image -> masks.
        prototypes: [C, D] of the memory where only what resembles one is prompted; None to prompt the whole grid.
    """

    backbone: Encoder
    segmenter: Segmenter
    prototypes: Tensor | None = None

    @torch.no_grad()
    def encode(self, images: Tensor) -> tuple[Embedding, Tensor]:
        """Both encoders, on several images at once.

        Args:
            images: uint8 [B, S, S, 3] of :func:`network_input`, S the segmenter's side, on the networks' device.

        Returns:
            The segmenter's embedding and float32 [B, grid * grid, D] patch features.
        """
        images = unit_range(images)
        embedding = self.segmenter.encode(images)
        side = self.backbone.image_size
        # The published code resizes twice, and so do we: 1024 by PIL, then the encoder's side by torch.
        return embedding, self.backbone(F.interpolate(images, (side, side), mode="bicubic", align_corners=False))

    @torch.no_grad()
    def look(self, embedding: Embedding, features: Tensor) -> Seen:
        """Prompt the segmenter for all proposals of one encoded image.

        Args:
            embedding: of one image.
            features: float32 [grid * grid, D], the image's patches.
        """
        points = self.segmenter.grid
        if self.prototypes is not None:
            points = self.segmenter.points_like(self.prototypes, features)
        raw = self.segmenter.propose(embedding, points)
        low = raw.logits > 0  # [N, m, m]
        return Seen(raw, mask_boxes(low), mask_vectors(features, low, self.backbone.grid))


def finish(seen: Seen, height: int, width: int, vector_dtype: torch.dtype) -> ImageProposals:
    """What needs no network: the final masks, compressed, and their overlaps.

    Args:
        seen: the networks' part.
        height: of the image, in pixels.
        width: of the image, in pixels.
        vector_dtype: how precisely vectors are kept.
    """
    if len(seen.raw) == 0:
        return ImageProposals.nothing(height, width)
    final, overlaps = encode_final(seen.raw.logits, height, width, dense=seen.raw.logits.is_cuda)
    return ImageProposals(
        height,
        width,
        seen.raw.predicted_iou.cpu(),
        seen.boxes_low.cpu(),
        final.boxes,
        final.areas,
        seen.vectors.to("cpu", vector_dtype),
        [rle["counts"] for rle in final.rles],
        overlaps,
    )


def propose(image: np.ndarray, backbone: Encoder, segmenter: Segmenter, vector_dtype: torch.dtype) -> ImageProposals:
    """All class-agnostic proposals of one image.

    Args:
        image: uint8 [H, W, 3] RGB.
        backbone: image -> patch features.
        segmenter: image -> masks.
        vector_dtype: how precisely vectors are kept.
    """
    squared = network_input(image, segmenter.image_size).unsqueeze(0)  # [1, S, S, 3]
    networks = Networks(backbone, segmenter)
    embedding, features = networks.encode(squared)
    height, width = image.shape[:2]
    return finish(networks.look(embedding[0], features[0]), height, width, vector_dtype)
