"""From one image's embedding and point prompts to the proposals worth keeping."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from sam2.modeling.sam2_base import SAM2Base


PUBLISHED_BATCH = 256
"""Prompts that the published implementation decodes together."""


@dataclass(frozen=True)
class Embedding:
    """What SAM 2's image encoder says about B images of side S.

    Attributes:
        image_embed: ``[B, D, S/16, S/16]``, the "no memory" embedding of a still image already added.
        high_res: feature maps that refine a mask's border, finest first: ``[B, D/8, S/4, S/4]`` and
            ``[B, D/4, S/8, S/8]``; empty for a network whose decoder takes none.
    """

    image_embed: Tensor
    high_res: list[Tensor]

    def __len__(self) -> int:
        return self.image_embed.shape[0]

    def __getitem__(self, index: int) -> Embedding:
        """The embedding of one image, still with a batch axis (of length 1)."""
        if not 0 <= index < len(self):
            raise IndexError(f"image {index} of an embedding of {len(self)}")
        one = slice(index, index + 1)
        return Embedding(self.image_embed[one], [level[one] for level in self.high_res])

    def only(self) -> Embedding:
        """Itself; raises ValueError unless it is of one image."""
        if len(self) != 1:
            raise ValueError(f"the embedding of one image is needed, not of {len(self)}: pick it by its index")
        return self


@dataclass(frozen=True)
class RawProposals:
    """Class-agnostic masks of one image, in the order of the prompts they come from.

    Attributes:
        logits: float32 ``[N, m, m]`` on the segmenter's mask grid (m = S/4); a pixel is inside where > 0.
        predicted_iou: float32 ``[N]``, the decoder's own estimate of each mask's quality.
    """

    logits: Tensor
    predicted_iou: Tensor

    def __len__(self) -> int:
        return self.logits.shape[0]


@torch.no_grad()
def decode_points(
    model: SAM2Base, embedding: Embedding, points: Tensor, iou_threshold: float, prompt_batch: int
) -> RawProposals:
    """At most one mask per point, each point a positive prompt of its own (docs/method.md, sections 4.3 and 4.4).

    By the library's own decoder, all masks of all prompts: the reference for :mod:`ntt.segmenters.prompt_decoder`.

    Of a prompt's four masks the first (the single-mask token's) is ignored; of the other three the one with
    the highest predicted IoU is kept if that IoU is above ``iou_threshold`` and a logit of it above 0.

    Args:
        model: the network that made the embedding.
        embedding: of one image.
        points: ``[P, 2]``, (x, y) in pixels of the segmenter's input.
        iou_threshold: exclusive lower bound of the predicted IoU.
        prompt_batch: prompts decoded together; bounds the memory, not the result.
    """
    image_embed = embedding.only().image_embed
    mask_size = 4 * image_embed.shape[-1]
    kept_logits = [image_embed.new_zeros((0, mask_size, mask_size), dtype=torch.float32)]
    kept_iou = [image_embed.new_zeros(0, dtype=torch.float32)]
    points = points.to(image_embed.device, torch.float32)
    for start in range(0, len(points), prompt_batch):
        batch = points[start : start + prompt_batch]  # [b, 2]
        labels = torch.ones(len(batch), 1, dtype=torch.int32, device=batch.device)
        masks, iou = _every_mask(model, embedding, batch[:, None], labels)
        best_iou, best = iou[:, 1:].float().max(dim=1)
        # Written so that NaN stays: dropped here, it would leave an image without masks and nobody would know why.
        confident = (~(best_iou <= iou_threshold)).nonzero().squeeze(1)
        logits = masks[confident, best[confident] + 1].float()  # [k, m, m]
        inhabited = (~(logits <= 0)).flatten(1).any(dim=1)
        kept_logits.append(logits[inhabited])
        kept_iou.append(best_iou[confident][inhabited])
    return RawProposals(torch.cat(kept_logits), torch.cat(kept_iou))


STABLE = 0.98
"""A single mask is kept when this share of it stays where its border is drawn a little higher and lower."""

_BORDER = 0.05  # how much higher and lower, in logits


def stability(logits: Tensor) -> Tensor:
    """IoU of each mask ``[N, m, m]`` thresholded above and below 0, ``[N]``; 1 where nothing is left of either."""
    high = (logits > _BORDER).flatten(1).sum(1).float()
    low = (logits > -_BORDER).flatten(1).sum(1).float()
    return torch.where(low > 0, high / low, 1.0)


@torch.no_grad()
def decode_single_masks(model: SAM2Base, embedding: Embedding, prompts: Tensor, prompt_batch: int) -> RawProposals:
    """Exactly one mask per prompt, for prompts that name one object: boxes, clicks (docs/method.md, section 6.5).

    That of the single-mask token; where it is unstable the best of the other three by predicted IoU. This is what the
    library's image predictor gives for ``multimask_output=False`` with its default post-processing. A mask may be
    empty. By the library's own decoder: the reference for :mod:`ntt.segmenters.prompt_decoder`.

    Args:
        model: the network that made the embedding.
        embedding: of one image.
        prompts: ``[P, K, 3]`` of :mod:`ntt.segmenters.prompts`.
        prompt_batch: prompts decoded together; bounds the memory, not the result.
    """
    image_embed = embedding.only().image_embed
    mask_size = 4 * image_embed.shape[-1]
    logits = [image_embed.new_zeros((0, mask_size, mask_size), dtype=torch.float32)]
    predicted_iou = [image_embed.new_zeros(0, dtype=torch.float32)]
    for batch in prompts.to(image_embed.device, torch.float32).split(prompt_batch):
        masks, iou = _every_mask(model, embedding, batch[..., :2], batch[..., 2].to(torch.int32))
        single, best = masks[:, 0].float(), iou[:, 1:].float().argmax(1) + 1
        chosen = torch.where(stability(single) >= STABLE, 0, best)
        every = torch.arange(len(batch), device=chosen.device)
        logits.append(masks[every, chosen].float())
        predicted_iou.append(iou[every, chosen].float())
    return RawProposals(torch.cat(logits), torch.cat(predicted_iou))


def _every_mask(model: SAM2Base, embedding: Embedding, places: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """All four masks of each prompt, ``[b, 4, m, m]`` logits, and their predicted IoU ``[b, 4]``.

    Args:
        model: the network that made the embedding.
        embedding: of one image.
        places: ``[b, K, 2]``, (x, y) in pixels of the segmenter's input.
        labels: int32 ``[b, K]``, as SAM 2 counts them.
    """
    # Half precision would move a point by several pixels before its position is encoded.
    with torch.autocast(places.device.type, enabled=False):
        image_pe = model.sam_prompt_encoder.get_dense_pe()  # [1, D, S/16, S/16]
        sparse, dense = model.sam_prompt_encoder(points=(places, labels), boxes=None, masks=None)
    # predict_masks, not the decoder's forward: that one may swap masks by their stability.
    masks, iou, _, _ = model.sam_mask_decoder.predict_masks(
        image_embeddings=embedding.image_embed,
        image_pe=image_pe,
        sparse_prompt_embeddings=sparse,
        dense_prompt_embeddings=dense,
        repeat_image=True,
        high_res_features=embedding.high_res,
    )
    return masks, iou
