"""Masks of named objects: the user's boxes and clicks as prompts of the segmenter (docs/method.md, section 6.5)."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ntt.masks.boxes import mask_boxes
from ntt.masks.final import encode_final
from ntt.proposals.networks import all_finite, network_input, require_finite, unit_range
from ntt.segmenters.decoding import Embedding, RawProposals
from ntt.segmenters.prompts import scaled


class PromptableSegmenter(Protocol):
    """What prompting needs of a segmenter."""

    image_size: int
    device: torch.device

    def encode(self, images: Tensor) -> Embedding:
        """[B, 3, S, S] in [0, 1] -> embeddings."""

    def segment(self, embedding: Embedding, prompts: Tensor) -> RawProposals:
        """One image's embedding and prompts [P, K, 3] -> one mask each."""


@torch.no_grad()
def embed_image(segmenter: PromptableSegmenter, image: NDArray[np.uint8]) -> Embedding:
    """uint8 [H, W, 3] -> what every prompt of this image needs."""
    squared = network_input(image, segmenter.image_size).unsqueeze(0)
    return segmenter.encode(unit_range(squared.to(segmenter.device)))


@torch.no_grad()
def segment_objects(
    segmenter: PromptableSegmenter, embedding: Embedding, prompts: Tensor, height: int, width: int
) -> list[dict]:
    """One mask per prompt, at the image's size.

    Args:
        segmenter: the one that embedded the image.
        embedding: of one image, by :func:`embed_image`.
        prompts: ``[P, K, 3]`` of :mod:`ntt.segmenters.prompts`, in pixels of the image.
        height, width: of the image, in pixels.

    Returns:
        P COCO run-length encodings; a mask without pixels stays in its place, empty.

    Raises:
        FloatingPointError: names the segmenter, whose numbers are not finite.
    """
    prompts = scaled(prompts.float(), height, width, segmenter.image_size)
    logits = segmenter.segment(embedding, prompts).logits
    require_finite(segmenter, bool(all_finite(logits)))
    if not len(logits):
        return []
    boxes = mask_boxes(logits > 0)
    final, _ = encode_final(logits, boxes, height, width, whole_image=logits.is_cuda)
    return final.rles
