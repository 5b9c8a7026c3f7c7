"""Proposals of an image together with the prompts that they come from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ntt.data.images import load_image
from ntt.proposals.image_proposals import ImageProposals
from ntt.proposals.networks import Encoder, propose
from ntt.segmenters.decoding import Embedding, RawProposals
from ntt.segmenters.sam2 import Sam2


@dataclass(frozen=True)
class Seen:
    """What the networks made of one image in one precision.

    Attributes:
        prompts: int64 [N], the point of the grid that each proposal comes from, ascending.
        masks: bool [N, m, m], on the segmenter's mask grid.
        proposals: the N proposals as the pipeline stores them.
    """

    prompts: Tensor
    masks: Tensor
    proposals: ImageProposals


class PromptRecorder:
    """Stands in for a segmenter in the pipeline's own code and remembers each proposal's prompt.

    A segmenter does not tell which prompts it dropped. Here it drops none by predicted IoU, so only a prompt whose
    mask is empty is missing; a batch that comes back short is halved until it is clear which.

    Args:
        segmenter: its threshold is applied here instead; it must not be used elsewhere.
    """

    def __init__(self, segmenter: Sam2) -> None:
        self.image_size = segmenter.image_size
        self.grid = segmenter.grid
        self.prompts = torch.zeros(0, dtype=torch.int64)
        self.masks = torch.zeros(0, 1, 1, dtype=torch.bool)
        self._segmenter = segmenter
        self._threshold = segmenter.iou_threshold
        segmenter.iou_threshold = -math.inf

    def encode(self, images: Tensor) -> Embedding:
        return self._segmenter.encode(images)

    def propose(self, embedding: Embedding, points: Tensor) -> RawProposals:
        prompts, raw = self._by_prompt(embedding, points, torch.arange(len(points)))
        kept = (raw.predicted_iou > self._threshold).cpu()
        logits, predicted_iou = raw.logits[kept], raw.predicted_iou[kept]
        self.prompts, self.masks = prompts[kept], (logits > 0).cpu()
        return RawProposals(logits, predicted_iou)

    def _by_prompt(self, embedding: Embedding, points: Tensor, prompts: Tensor) -> tuple[Tensor, RawProposals]:
        found = self._segmenter.decode(embedding, points[prompts])
        if len(found) == len(prompts):
            return prompts, found
        if len(found) == 0:
            return prompts[:0], found
        halves = [self._by_prompt(embedding, points, half) for half in prompts.chunk(2)]
        indices, parts = zip(*halves, strict=True)
        logits = torch.cat([part.logits for part in parts])
        return torch.cat(indices), RawProposals(logits, torch.cat([part.predicted_iou for part in parts]))


def look(path: Path, backbone: Encoder, recorder: PromptRecorder) -> Seen:
    """One image through both networks, by the pipeline's own code."""
    proposals = propose(load_image(path), backbone, recorder, torch.float32)
    return Seen(recorder.prompts, recorder.masks, proposals)
