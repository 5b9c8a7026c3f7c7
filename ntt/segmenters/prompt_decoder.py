"""From prompts to masks by SAM 2's mask decoder, rearranged but not changed (docs/method.md, section 8).

It decides what :func:`ntt.segmenters.decoding.decode_points` decides by the library's decoder, with less work: what the
prompts share of an image is computed once and the rest stays in parts (:mod:`ntt.segmenters.factored`); the predicted
IoU is read first; only the best mask of a prompt that is kept is upscaled (:mod:`ntt.segmenters.upscaling`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from ntt.segmenters.decoding import STABLE, Embedding, RawProposals, stability
from ntt.segmenters.factored import ImageTokens
from ntt.segmenters.prompt_batches import PromptBatches
from ntt.segmenters.prompts import embed_prompts, point_prompts
from ntt.segmenters.transformer import SharedImage, Transformer
from ntt.segmenters.upscaling import SharedUpscaling, Upscaler

if TYPE_CHECKING:
    from sam2.modeling.sam2_base import SAM2Base

Function = TypeVar("Function")

# A mask that is upscaled takes four times the memory of a prompt.
_PARTS_OF_A_BATCH = 4


class PromptDecoder:
    """The decoder of a loaded network; weights are folded here, once, and must not change afterwards.

    Args:
        network: a SAM 2, on its device.
        dtype: precision of everything with a position axis. The tokens, all sums, deviations and predicted IoUs are
            float32, as are attention weights before they are rounded to it.
        prompt_batch: prompts decoded together; None for what suits the device. Bounds the memory, not the result.
        compiler: such as ``torch.compile``, given the two parts that do nearly all of the work. Their shapes are then
            the same for all prompts of all images: batches are filled up, masks upscaled in chunks of one size.
    """

    @torch.no_grad()
    def __init__(
        self,
        network: SAM2Base,
        dtype: torch.dtype = torch.float32,
        prompt_batch: int | None = None,
        compiler: Callable[[Callable[..., Any]], Callable[..., Any]] | None = None,
    ) -> None:
        self._prompt_encoder = network.sam_prompt_encoder
        self._decoder = decoder = network.sam_mask_decoder
        self._no_mask = self._prompt_encoder.no_mask_embed.weight.view(-1, 1, 1)  # [D, 1, 1]
        output_tokens = [decoder.iou_token.weight, decoder.mask_tokens.weight]
        if decoder.pred_obj_scores:
            output_tokens.insert(0, decoder.obj_score_token.weight)
        self._output_tokens = torch.cat(output_tokens)
        self._iou_token = len(output_tokens) - 2
        device = self._output_tokens.device
        with torch.autocast(device.type, enabled=False):
            image_pe = self._prompt_encoder.get_dense_pe()  # [1, D, h, w]
            self._transformer = Transformer(decoder.transformer, image_pe, dtype)
            self._upscaler = Upscaler(decoder, self._transformer.offset, dtype)
        self._one_shape = compiler is not None
        compiled = compiler or _as_it_is
        self._attend, self._upscale = compiled(self._transformer.__call__), compiled(self._upscaler.__call__)
        bytes_per_prompt = image_pe.numel() * dtype.itemsize * 4
        self._batches = PromptBatches(device, prompt_batch, bytes_per_prompt, self._one_shape)

    @torch.no_grad()
    def propose(self, embedding: Embedding, points: Tensor, iou_threshold: float) -> RawProposals:
        """At most one mask per point; see :func:`ntt.segmenters.decoding.decode_points` for the rule.

        Args:
            embedding: of one image.
            points: ``[P, 2]``, (x, y) in pixels of the segmenter's input.
            iou_threshold: exclusive lower bound of the predicted IoU.
        """
        return self._decode_all(embedding, point_prompts(points), partial(self._confident_masks, iou_threshold))

    @torch.no_grad()
    def segment(self, embedding: Embedding, prompts: Tensor) -> RawProposals:
        """Exactly one mask per prompt; see :func:`ntt.segmenters.decoding.decode_single_masks` for the rule.

        Args:
            embedding: of one image.
            prompts: ``[P, K, 3]`` of :mod:`ntt.segmenters.prompts`.
        """
        found = self._decode_all(embedding, prompts, self._single_masks)
        count = len(prompts)  # further ones are those that fill up a batch of one shape
        return RawProposals(found.logits[:count], found.predicted_iou[:count])

    @torch.no_grad()
    def alternatives(self, embedding: Embedding, prompts: Tensor) -> RawProposals:
        """Three masks per prompt, those that :meth:`propose` chooses from: 3 P, a prompt's side by side.

        Args:
            embedding: of one image.
            prompts: ``[P, K, 3]`` of :mod:`ntt.segmenters.prompts`.
        """
        found = self._decode_all(embedding, prompts, self._three_masks)
        count = 3 * len(prompts)
        return RawProposals(found.logits[:count], found.predicted_iou[:count])

    def _decode_all(
        self,
        embedding: Embedding,
        prompts: Tensor,
        choose: Callable[[SharedUpscaling, Tensor, ImageTokens, Tensor], RawProposals],
    ) -> RawProposals:
        """What ``choose`` makes of each batch's tokens, for all prompts of one image."""
        image_embed = embedding.only().image_embed[0]  # [D, h, w]
        _, height, width = image_embed.shape
        with torch.autocast(image_embed.device.type, enabled=False):
            shared = self._transformer.share(image_embed.float() + self._no_mask)
            upscaling = self._upscaler.share(shared.field, [level[0] for level in embedding.high_res], height)
            decoded = self._batches.map(
                lambda batch: self._decode(shared, upscaling, batch, choose),
                prompts.to(image_embed.device, torch.float32),
            )
        nothing = image_embed.new_zeros((0, 4 * height, 4 * width), dtype=torch.float32)
        return RawProposals(
            torch.cat([nothing, *(part.logits for part in decoded)]),
            torch.cat([nothing.new_zeros(0), *(part.predicted_iou for part in decoded)]),
        )

    @torch.no_grad()  # again: every thread has its own setting
    def _decode(
        self,
        shared: SharedImage,
        upscaling: SharedUpscaling,
        prompts: Tensor,
        choose: Callable[[SharedUpscaling, Tensor, ImageTokens, Tensor], RawProposals],
    ) -> RawProposals:
        prompt_tokens = embed_prompts(self._prompt_encoder, prompts)
        output_tokens = self._output_tokens.expand(len(prompts), -1, -1)
        tokens, image = self._attend(shared, torch.cat([output_tokens, prompt_tokens], dim=1))  # [b, T, D]
        filling = prompts.isnan().flatten(1).any(dim=1)  # up to a batch of one shape
        return choose(upscaling, tokens, image, filling)

    def _confident_masks(
        self, iou_threshold: float, upscaling: SharedUpscaling, tokens: Tensor, image: ImageTokens, filling: Tensor
    ) -> RawProposals:
        """The best of each prompt's three masks, where its predicted IoU is above the threshold and it has pixels."""
        iou = self._decoder.iou_prediction_head(tokens[:, self._iou_token])  # [b, 4]
        best_iou, best = iou[:, 1:].max(dim=1)
        # Written so that NaN stays: dropped here, it would leave an image without masks and nobody would know why.
        confident = (~(best_iou <= iou_threshold) & ~filling).nonzero().squeeze(1)
        logits = self._upscaled(upscaling, tokens, image, confident, best[confident] + 1)
        inhabited = (~(logits <= 0)).flatten(1).any(dim=1)
        return RawProposals(logits[inhabited], best_iou[confident][inhabited])

    def _single_masks(
        self, upscaling: SharedUpscaling, tokens: Tensor, image: ImageTokens, filling: Tensor
    ) -> RawProposals:
        """The single-mask token's mask of each prompt; the best of the other three where that one is unstable."""
        del filling
        iou = self._decoder.iou_prediction_head(tokens[:, self._iou_token])  # [b, 4]
        every = torch.arange(len(tokens), device=tokens.device)
        logits = self._upscaled(upscaling, tokens, image, every, torch.zeros_like(every))
        chosen_iou = iou[:, 0].clone()
        unstable = (stability(logits) < STABLE).nonzero().squeeze(1)
        best_iou, best = iou[unstable, 1:].max(dim=1)
        logits[unstable] = self._upscaled(upscaling, tokens, image, unstable, best + 1)
        chosen_iou[unstable] = best_iou
        return RawProposals(logits, chosen_iou)

    def _three_masks(
        self, upscaling: SharedUpscaling, tokens: Tensor, image: ImageTokens, filling: Tensor
    ) -> RawProposals:
        """All masks of each prompt but the single-mask token's."""
        del filling
        iou = self._decoder.iou_prediction_head(tokens[:, self._iou_token])  # [b, 4]
        prompts = torch.arange(len(tokens), device=tokens.device).repeat_interleave(3)
        masks = torch.arange(1, 4, device=tokens.device).repeat(len(tokens))
        return RawProposals(self._upscaled(upscaling, tokens, image, prompts, masks), iou[:, 1:].flatten())

    def _upscaled(
        self, upscaling: SharedUpscaling, tokens: Tensor, image: ImageTokens, prompts: Tensor, masks: Tensor
    ) -> Tensor:
        """Logits ``[k, 4h, 4w]`` of mask ``masks`` (``[k]``, 0 to 3) of each of the chosen ``prompts`` ``[k]``."""
        mask_weights = self._mask_weights(tokens[prompts], masks)  # [k, D/8]
        at_once = -(-len(tokens) // _PARTS_OF_A_BATCH)
        logits = mask_weights.new_empty(len(prompts), 4 * upscaling.height, 4 * upscaling.width)
        for start in range(0, len(prompts), at_once):
            part = slice(start, start + at_once)
            chosen, weights = prompts[part], mask_weights[part]
            count = len(chosen)
            if self._one_shape:
                missing = at_once - count
                chosen, weights = F.pad(chosen, (0, missing)), F.pad(weights, (0, 0, 0, missing))
            logits[part] = self._upscale(upscaling, image[chosen], weights)[:count]
        return logits

    def _mask_weights(self, tokens: Tensor, masks: Tensor) -> Tensor:
        """What the hypernetwork of each prompt's chosen mask makes of that mask's token.

        Args:
            tokens: ``[k, T, D]``.
            masks: ``[k]``, 0 for the single-mask token's, 1 to 3 for the others.

        Returns:
            ``[k, D/8]``.
        """
        first = self._iou_token + 1
        networks = self._decoder.output_hypernetworks_mlps
        every = torch.stack([network(tokens[:, first + i]) for i, network in enumerate(networks)], dim=1)
        return every[torch.arange(len(masks), device=masks.device), masks]


def _as_it_is(function: Function) -> Function:
    return function
