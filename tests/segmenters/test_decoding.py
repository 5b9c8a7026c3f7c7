from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from ntt.segmenters.decoding import Embedding, decode_points


class ScriptedModel:
    """Stands for SAM 2 on images of 16 x 16 pixels: prompt i gets row i of the masks and IoUs it was given.

    The x coordinate of a prompt says which row, so the answer does not depend on how prompts are batched.
    """

    def __init__(self, masks: Tensor, iou: Tensor) -> None:
        self.masks, self.iou = masks, iou
        self.batch_sizes: list[int] = []
        self.labels: list[Tensor] = []
        self.sam_prompt_encoder: Any = PromptEncoder(self)
        self.sam_mask_decoder = SimpleNamespace(predict_masks=self.predict_masks)

    def predict_masks(self, sparse_prompt_embeddings: Tensor, repeat_image: bool, **_: Any) -> tuple[Any, ...]:
        assert repeat_image
        rows = sparse_prompt_embeddings[:, 0, 0].long()
        self.batch_sizes.append(len(rows))
        return self.masks[rows], self.iou[rows], None, None


class PromptEncoder:
    def __init__(self, model: ScriptedModel) -> None:
        self.model = model

    def __call__(self, points: tuple[Tensor, Tensor], boxes: None, masks: None) -> tuple[Tensor, Tensor]:
        assert boxes is None
        assert masks is None
        coordinates, labels = points
        self.model.labels.append(labels)
        return coordinates, torch.zeros(len(coordinates), 8, 1, 1)

    def get_dense_pe(self) -> Tensor:
        return torch.zeros(1, 8, 1, 1)


def constant_masks(*values: tuple[float, float, float, float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float32)[:, :, None, None].expand(-1, -1, 4, 4)  # [P, 4, 4, 4]


def prompts(count: int) -> Tensor:
    return torch.stack([torch.arange(count), torch.zeros(count)], dim=1).float()


EMBEDDING = Embedding(torch.zeros(1, 8, 1, 1), [])


def test_the_best_of_masks_one_to_three_is_kept_and_mask_zero_ignored() -> None:
    model = ScriptedModel(
        constant_masks((9, 1, 2, 3), (9, 4, 5, 6)),
        torch.tensor([[0.99, 0.5, 0.8, 0.7], [0.99, 0.9, 0.6, 0.5]]),
    )

    proposals = decode_points(model, EMBEDDING, prompts(2), iou_threshold=0.4, prompt_batch=8)

    assert proposals.logits[:, 0, 0].tolist() == [2, 4]
    assert proposals.predicted_iou.tolist() == pytest.approx([0.8, 0.9])


def test_the_threshold_itself_is_not_above_the_threshold() -> None:
    iou = torch.tensor([[0, 0.5, 0, 0], [0, 0.5001, 0, 0], [0, 0.25, 0, 0]])
    model = ScriptedModel(constant_masks(*[(1, 1, 1, 1)] * 3), iou)

    proposals = decode_points(model, EMBEDDING, prompts(3), iou_threshold=0.5, prompt_batch=8)

    assert proposals.predicted_iou.tolist() == pytest.approx([0.5001])


def test_a_mask_without_a_positive_logit_is_dropped() -> None:
    masks = constant_masks((5, 0, 0, 0), (-1, -1, -1, -1)).clone()
    masks[1, 1, 3, 2] = 0.01
    model = ScriptedModel(masks, torch.tensor([[0, 0.9, 0, 0], [0, 0.8, 0, 0]]))

    proposals = decode_points(model, EMBEDDING, prompts(2), iou_threshold=0.4, prompt_batch=8)

    assert len(proposals) == 1
    assert (proposals.logits > 0).nonzero().tolist() == [[0, 3, 2]]


def test_batches_bound_the_prompts_and_keep_their_order() -> None:
    count = 7
    masks = torch.arange(1.0, count + 1)[:, None, None, None].expand(-1, 4, 4, 4)
    model = ScriptedModel(masks, torch.full((count, 4), 0.9))

    proposals = decode_points(model, EMBEDDING, prompts(count), iou_threshold=0.4, prompt_batch=3)

    assert model.batch_sizes == [3, 3, 1]
    assert all(torch.equal(labels, torch.ones_like(labels)) for labels in model.labels)
    assert proposals.logits[:, 0, 0].tolist() == [1, 2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize("count", [0, 1])
def test_nothing_asked_or_nothing_kept_is_an_empty_result_of_the_right_shape(count: int) -> None:
    model = ScriptedModel(constant_masks((1, 1, 1, 1)), torch.full((1, 4), 0.1))

    proposals = decode_points(model, EMBEDDING, prompts(count), iou_threshold=0.4, prompt_batch=8)

    assert len(model.batch_sizes) == count
    assert proposals.logits.shape == (0, 4, 4)
    assert proposals.predicted_iou.shape == (0,)


def test_an_embedding_of_two_images_is_refused_until_one_is_picked() -> None:
    model = ScriptedModel(constant_masks((1, 1, 1, 1)), torch.full((1, 4), 0.9))
    pair = Embedding(torch.zeros(2, 8, 1, 1), [torch.stack([torch.zeros(1, 4, 4), torch.ones(1, 4, 4)])])

    with pytest.raises(ValueError, match="one image"):
        decode_points(model, pair, prompts(1), iou_threshold=0.4, prompt_batch=8)
    assert len(decode_points(model, pair[1], prompts(1), iou_threshold=0.4, prompt_batch=8)) == 1
    assert torch.equal(pair[1].high_res[0], torch.ones(1, 1, 4, 4))
    with pytest.raises(IndexError):
        pair[2]
