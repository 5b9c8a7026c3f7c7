"""Prompts that name one object, a box or clicks: ours against the library's own forward and image predictor."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from random_sam2 import embedding, network, small_overrides
from stand_ins import SAM2_DIM
from torch import Tensor

from ntt.segmenters.decoding import STABLE, Embedding, RawProposals, decode_single_masks, stability
from ntt.segmenters.prompt_decoder import PromptDecoder
from ntt.segmenters.prompts import box_prompts, labelled, point_prompts, scaled

BOXES = torch.tensor([[10.0, 20, 60, 90], [0, 0, 127, 127], [40, 40, 44, 50], [90, 5, 120, 30], [3, 70, 50, 120]])
PROMPTS = {
    "boxes": box_prompts(BOXES),
    "points": point_prompts(BOXES[:, :2] + 7),
    "clicks inside and outside": labelled(torch.stack([BOXES[:, :2] + 9, BOXES[:, 2:]], 1), (1, 0)),
    "box and click": torch.cat([box_prompts(BOXES), point_prompts(BOXES[:, :2] + 3)], 1),
}
POST_PROCESSING = {
    "dynamic_multimask_via_stability": True,
    "dynamic_multimask_stability_delta": 0.05,
    "dynamic_multimask_stability_thresh": 0.98,
}


def library(model: Any, image: Embedding, prompts: Tensor) -> RawProposals:
    """By the decoder's own forward with the library's default post-processing, one prompt after the other."""
    decoder = model.sam_mask_decoder
    for name, value in POST_PROCESSING.items():
        setattr(decoder, name, value)
    decoder.eval()
    logits, iou = [], []
    for prompt in prompts:
        sparse, dense = model.sam_prompt_encoder(
            points=(prompt[None, :, :2], prompt[None, :, 2].int()), boxes=None, masks=None
        )
        mask, quality, _, _ = decoder(
            image_embeddings=image.image_embed,
            image_pe=model.sam_prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=False,
            repeat_image=False,
            high_res_features=image.high_res,
        )
        logits.append(mask[0, 0])
        iou.append(quality[0, 0])
    return RawProposals(torch.stack(logits), torch.stack(iou))


def assert_equal(found: RawProposals, expected: RawProposals) -> None:
    torch.testing.assert_close(found.predicted_iou, expected.predicted_iou, rtol=0, atol=1e-5)
    torch.testing.assert_close(found.logits, expected.logits, rtol=0, atol=1e-3)


@pytest.mark.parametrize("prompts", PROMPTS.values(), ids=PROMPTS.keys())
@pytest.mark.parametrize("seed", [0, 1])
def test_both_decoders_give_the_librarys_masks(prompts: Tensor, seed: int) -> None:
    model, image = network(128, small_overrides(), seed), embedding(SAM2_DIM, 8)

    expected = library(model, image, prompts)

    assert_equal(decode_single_masks(model, image, prompts, 2), expected)
    assert_equal(PromptDecoder(model).segment(image, prompts), expected)


def test_unstable_single_masks_are_replaced_and_stable_ones_kept() -> None:
    model, image = network(128, small_overrides()), embedding(SAM2_DIM, 8)
    mild, steep = model.sam_mask_decoder.output_hypernetworks_mlps[0].layers[-1], 400.0
    prompts = PROMPTS["boxes"]

    unstable = PromptDecoder(model).segment(image, prompts)
    mild.weight.mul_(steep)
    mild.bias.mul_(steep)
    stable = PromptDecoder(model).segment(image, prompts)

    assert (stability(stable.logits) >= STABLE).all()
    changed = (unstable.predicted_iou - stable.predicted_iou).abs() > 1e-6
    assert changed.any()  # another mask, so another estimate
    assert_equal(stable, library(model, image, prompts))


def test_a_mask_without_pixels_is_stable_and_comes_back_empty() -> None:
    assert stability(torch.full((1, 4, 4), -9.0)).tolist() == [1.0]
    high = torch.full((2, 4, 4), 1.0)
    high[1, 0, 0] = 0.01  # inside at 0, outside at 0.05
    assert stability(high).tolist() == [1.0, 15 / 16]


def test_there_is_a_mask_for_every_prompt_also_in_batches_of_one_shape() -> None:
    model, image = network(128, small_overrides()), embedding(SAM2_DIM, 8)
    expected = PromptDecoder(model).segment(image, PROMPTS["boxes"])

    compiled = PromptDecoder(model, prompt_batch=4, compiler=lambda function: function)

    assert_equal(compiled.segment(image, PROMPTS["boxes"]), expected)
    assert len(compiled.segment(image, PROMPTS["boxes"][:0])) == 0


def test_prompts_are_scaled_to_the_square_input() -> None:
    prompts = box_prompts(torch.tensor([[10.0, 20, 30, 40]]))

    assert scaled(prompts, height=50, width=100, image_size=200).tolist() == [[[20, 80, 2], [60, 160, 3]]]


def test_the_image_predictor_prompts_in_the_same_way() -> None:
    """The library's predictor merges a box into its points and pads them: the same tokens as ours."""
    model = network(128, small_overrides())
    encoder, prompts = model.sam_prompt_encoder, PROMPTS["boxes"]
    as_predictor = encoder(points=(BOXES.reshape(-1, 2, 2), torch.tensor([[2, 3]] * 5).int()), boxes=None, masks=None)
    image = embedding(SAM2_DIM, 8)
    masks, iou, _, _ = model.sam_mask_decoder.predict_masks(
        image.image_embed, encoder.get_dense_pe(), as_predictor[0], as_predictor[1], True, image.high_res
    )

    found = decode_single_masks(model, image, prompts, 64)

    stable = stability(masks[:, 0]) >= STABLE
    best = torch.where(stable, 0, iou[:, 1:].argmax(1) + 1)
    torch.testing.assert_close(found.logits, masks[torch.arange(5), best])


def test_the_alternatives_of_a_prompt_are_the_librarys_three_masks() -> None:
    model, image = network(128, small_overrides()), embedding(SAM2_DIM, 8)
    prompts = PROMPTS["box and click"]

    found = PromptDecoder(model, prompt_batch=2).alternatives(image, prompts)

    decoder = model.sam_mask_decoder.eval()
    for place, prompt in enumerate(prompts):
        sparse, dense = model.sam_prompt_encoder(
            points=(prompt[None, :, :2], prompt[None, :, 2].int()), boxes=None, masks=None
        )
        masks, quality, _, _ = decoder(
            image_embeddings=image.image_embed,
            image_pe=model.sam_prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=True,
            repeat_image=False,
            high_res_features=image.high_res,
        )
        three = slice(3 * place, 3 * place + 3)
        assert_equal(RawProposals(found.logits[three], found.predicted_iou[three]), RawProposals(masks[0], quality[0]))
