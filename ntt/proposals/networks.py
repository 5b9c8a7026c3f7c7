"""A mask's whole life, from the pixels of an image to what is stored of it (docs/method.md, section 4), step by step.

1. Resize:      the image becomes the square that the segmenter takes.
2. Encode:      the segmenter embeds it; the encoder describes its patches.
3. Prompt:      points are chosen, by default the whole grid.
4. Decode:      the segmenter gives at most one mask for each point.
5. Pool:        the encoder's patches under a mask are averaged to the mask's vector.
6. Postprocess: the masks are brought to the image's own size, run-length encoded and compared.

Steps 2 to 5 are a device's work (:class:`MasksAndVectors`), the others a core's. Masks that are stored already need the
encoder only (:class:`VectorsOfStoredMasks`): steps 1, 2 and 5.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from ntt.masks.boxes import mask_boxes
from ntt.masks.compressed import compress_masks
from ntt.masks.final import encode_final
from ntt.proposals.image_proposals import ImageMasks, ImageProposals
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


# 1. Resize


def network_input(image: np.ndarray, side: int) -> Tensor:
    """uint8 [H, W, 3] -> uint8 [side, side, 3], aspect not kept (docs/method.md, section 4.1).

    Whole numbers, as PIL makes them: a quarter of the bytes to keep and to bring to a device.
    """
    return torch.from_numpy(np.array(Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC)))


def unit_range(images: Tensor) -> Tensor:
    """uint8 [B, S, S, 3] of :func:`network_input` -> float32 [B, 3, S, S] in [0, 1], where they are."""
    return images.permute(0, 3, 1, 2).to(torch.float32, memory_format=torch.contiguous_format) / 255


# 2. Encode


def patch_features(encoder: Encoder, images: Tensor) -> Tensor:
    """float32 [B, 3, S, S] in [0, 1] at the segmenter's side S -> float32 [B, grid * grid, D].

    The published code resizes twice, and so do we: by PIL to the segmenter's side, then by torch to the encoder's.
    """
    side = encoder.image_size
    return encoder(F.interpolate(images, (side, side), mode="bicubic", align_corners=False))


# 3. to 5. Prompt, decode, pool


class EncodedImages(NamedTuple):
    """Step 2 of B images: the segmenter's embedding, and the encoder's patches, float32 [B, grid * grid, D]."""

    embedding: Embedding
    features: Tensor


class DecodedMasks(NamedTuple):
    """Steps 3 to 5 of one image, on the device.

    Attributes:
        logits: float32 [N, m, m], foreground where > 0.
        predicted_iou: float32 [N].
        grid_masks: bool [N, m, m], the foreground.
        boxes: int64 [N, 4], xyxy inclusive extents on the mask grid.
        vectors: float32 [N, D], L2-normalised.
        finite: bool [2], whether the segmenter's numbers are, and the encoder's.
    """

    logits: Tensor
    predicted_iou: Tensor
    grid_masks: Tensor
    boxes: Tensor
    vectors: Tensor
    finite: Tensor


class PooledVectors(NamedTuple):
    """Step 5 of one image whose masks are given: float32 [N, D], on the device."""

    vectors: Tensor


class NewProposals(NamedTuple):
    """What is stored of one image.

    Attributes:
        masks: with all that belongs to them.
        grid_masks: the masks on the segmenter's grid, compressed: what vectors are pooled from.
        vectors: [N, D] on the host.
    """

    masks: ImageMasks
    grid_masks: bytes
    vectors: Tensor


@dataclass(frozen=True)
class MasksAndVectors:
    """The encoder and the segmenter, loaded: masks of images and their vectors in one pass.

    Attributes:
        encoder: image -> patch features.
        segmenter: image and prompts -> masks.
        vector_dtype: how precisely vectors are kept.
        prototypes: [C, D] of the memory where only what resembles one is prompted; None to prompt the whole grid.
    """

    encoder: Encoder
    segmenter: Segmenter
    vector_dtype: torch.dtype
    prototypes: Tensor | None = None

    @torch.no_grad()
    def encode(self, images: Tensor) -> EncodedImages:
        """Step 2, of several images at once.

        Args:
            images: uint8 [B, S, S, 3] of :func:`network_input`, S the segmenter's side, on the networks' device.
        """
        images = unit_range(images)
        return EncodedImages(self.segmenter.encode(images), patch_features(self.encoder, images))

    @torch.no_grad()
    def decode(self, encoded: EncodedImages, index: int, grid_masks: Tensor | None = None) -> DecodedMasks:
        """Steps 3 to 5, of one of the encoded images. ``grid_masks`` is for those who have masks: here it is None."""
        embedding, features = encoded.embedding[index], encoded.features[index]
        points = self.segmenter.grid
        if self.prototypes is not None:
            points = self.segmenter.points_like(self.prototypes, features)
        raw = self.segmenter.propose(embedding, points)
        grid_masks = raw.logits > 0  # [N, m, m]
        vectors = mask_vectors(features, grid_masks, self.encoder.grid)
        # Looked at by who postprocesses: here it would wait for the device.
        finite = torch.stack([all_finite(raw.predicted_iou) & all_finite(raw.logits), all_finite(features)])
        return DecodedMasks(raw.logits, raw.predicted_iou, grid_masks, mask_boxes(grid_masks), vectors, finite)

    def postprocess(self, decoded: DecodedMasks, height: int, width: int) -> NewProposals:
        """Step 6; see :func:`postprocess_masks`.

        Raises:
            FloatingPointError: names the network whose numbers are not finite.
        """
        segmenter, encoder = decoded.finite.tolist()
        require_finite(self.segmenter, segmenter)
        require_finite(self.encoder, encoder)
        return postprocess_masks(decoded, height, width, self.vector_dtype)


@dataclass(frozen=True)
class VectorsOfStoredMasks:
    """The encoder alone, loaded: vectors of masks that a segmenter made earlier.

    Attributes:
        encoder: image -> patch features.
        vector_dtype: how precisely vectors are kept.
    """

    encoder: Encoder
    vector_dtype: torch.dtype

    @torch.no_grad()
    def encode(self, images: Tensor) -> Tensor:
        """Step 2 of the encoder: uint8 [B, S, S, 3], S the segmenter's side -> float32 [B, grid * grid, D]."""
        return patch_features(self.encoder, unit_range(images))

    @torch.no_grad()
    def decode(self, encoded: Tensor, index: int, grid_masks: Tensor | None) -> PooledVectors:
        """Step 5, of one of the encoded images and its masks, bool [N, m, m]."""
        assert grid_masks is not None, "there is nothing to pool under"
        masks = grid_masks.to(encoded.device, non_blocking=True)
        return PooledVectors(mask_vectors(encoded[index], masks, self.encoder.grid))

    def postprocess(self, decoded: PooledVectors, height: int, width: int) -> Tensor:
        """The vectors [N, D] as they are stored.

        Raises:
            FloatingPointError: names the encoder, whose numbers are not finite.
        """
        del height, width
        require_finite(self.encoder, bool(all_finite(decoded.vectors)))
        return decoded.vectors.to("cpu", self.vector_dtype)


def all_finite(numbers: Tensor) -> Tensor:
    """Whether all are, bool [], on their device: one pass, through which NaN and infinity pass."""
    if numbers.numel() == 0:
        return torch.ones((), dtype=torch.bool, device=numbers.device)
    least, most = torch.aminmax(numbers)
    return torch.isfinite(least) & torch.isfinite(most)


def require_finite(network: object, finite: bool) -> None:
    """Raises FloatingPointError with the network's name unless its numbers are finite."""
    if not finite:
        raise FloatingPointError(getattr(network, "name", type(network).__name__))


# 6. Postprocess


def postprocess_masks(decoded: DecodedMasks, height: int, width: int, vector_dtype: torch.dtype) -> NewProposals:
    """Masks at the image's own size, run-length encoded and compared; on the grid, compressed.

    Args:
        decoded: of one image, on the device or on the host.
        height: of the image, in pixels.
        width: of the image, in pixels.
        vector_dtype: how precisely vectors are kept.
    """
    logits, predicted_iou, grid_masks, boxes, vectors, _ = decoded
    if len(logits) == 0:
        return NewProposals(ImageMasks.nothing(height, width), b"", torch.zeros(0, 0))
    final, overlaps = encode_final(logits, boxes, height, width, whole_image=logits.is_cuda)
    counts = [rle["counts"] for rle in final.rles]
    masks = ImageMasks(height, width, predicted_iou.cpu(), boxes.cpu(), final.boxes, final.areas, counts, overlaps)
    return NewProposals(masks, compress_masks(grid_masks), vectors.to("cpu", vector_dtype))


# All of it, for one image


def propose(image: np.ndarray, encoder: Encoder, segmenter: Segmenter, vector_dtype: torch.dtype) -> ImageProposals:
    """All class-agnostic proposals of one image.

    Args:
        image: uint8 [H, W, 3] RGB.
        encoder: image -> patch features.
        segmenter: image and prompts -> masks.
        vector_dtype: how precisely vectors are kept.
    """
    networks = MasksAndVectors(encoder, segmenter, vector_dtype)
    encoded = networks.encode(network_input(image, segmenter.image_size).unsqueeze(0))  # [1, S, S, 3]
    made = networks.postprocess(networks.decode(encoded, 0), image.shape[0], image.shape[1])
    return ImageProposals.of(made.masks, made.vectors)
