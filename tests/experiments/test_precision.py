"""The comparison of precisions: prompts told apart, agreement counted on masks drawn by hand."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from experiments.precision.agreement import common, detection_agreement, mask_ious, proposal_agreement
from experiments.precision.recorder import PromptRecorder, Seen
from ntt.masks.overlaps import Overlaps
from ntt.proposals.image_proposals import ImageProposals
from ntt.segmenters.decoding import RawProposals


def fake_segmenter(empty: set[int], predicted_iou: Tensor) -> SimpleNamespace:
    """Point i is (i, 0), its mask one pixel of value i + 1; the points ``empty`` have none."""

    def propose(_: object, points: Tensor) -> RawProposals:
        kept = [i for i in points[:, 0].long().tolist() if i not in empty and predicted_iou[i] > fake.iou_threshold]
        return RawProposals(torch.tensor(kept).float().view(-1, 1, 1) + 1, predicted_iou[kept])

    fake = SimpleNamespace(image_size=64, grid=torch.zeros(0, 2), iou_threshold=0.4, decode=propose)
    return fake


@pytest.mark.parametrize("empty", [set(), {0}, {3, 4}, {1, 2, 6}, set(range(7))])
def test_each_proposal_keeps_its_prompt(empty: set[int]) -> None:
    predicted_iou = torch.tensor([0.9, 0.5, 0.3, 0.8, 0.45, 0.1, 0.7])
    recorder = PromptRecorder(fake_segmenter(empty, predicted_iou))
    points = torch.stack([torch.arange(7.0), torch.zeros(7)], dim=1)

    raw = recorder.propose(None, points)

    expected = [i for i in range(7) if i not in empty and predicted_iou[i] > 0.4]
    assert recorder.prompts.tolist() == expected
    assert (raw.logits.flatten() - 1).tolist() == expected
    assert raw.predicted_iou.tolist() == predicted_iou[expected].tolist()
    assert recorder.masks.shape == (len(expected), 1, 1)


def seen(prompts: list[int], masks: list[list[int]], vectors: list[list[float]]) -> Seen:
    """Masks of four pixels each, given as rows; far apart in the image, so that nothing is suppressed."""
    count = len(prompts)
    boxes = torch.tensor([[10 * p, 0, 10 * p + 1, 1] for p in prompts])
    empty = torch.zeros(0, dtype=torch.int64)
    proposals = ImageProposals(
        height=100,
        width=100,
        predicted_iou=torch.full((count,), 0.5),
        boxes_low=boxes,
        boxes=boxes,
        areas=torch.full((count,), 4),
        vectors=torch.tensor(vectors, dtype=torch.float32),
        counts=[""] * count,
        overlaps=Overlaps(empty, empty, empty),
    )
    return Seen(torch.tensor(prompts), torch.tensor(masks).view(-1, 2, 2).bool(), proposals)


FIRST = seen([0, 2, 3], [[1, 1, 0, 0], [1, 1, 1, 1], [0, 0, 1, 0]], [[1, 0], [0, 1], [1, 0]])
SECOND = seen([2, 3, 5], [[1, 1, 0, 0], [0, 0, 1, 0], [1, 0, 0, 0]], [[0, 1], [0.6, 0.8], [1, 0]])


def test_prompts_in_both() -> None:
    one, other = common(FIRST.prompts, SECOND.prompts)
    assert (one.tolist(), other.tolist()) == ([1, 2], [0, 1])
    assert mask_ious(FIRST.masks[one], SECOND.masks[other]).tolist() == [0.5, 1.0]


def test_figures_of_proposals() -> None:
    figures = proposal_agreement([(FIRST, SECOND)])
    assert figures["proposals in either"] == 4
    assert figures["share in both"] == 0.5
    assert figures["mean mask IoU"] == 0.75
    assert figures["share with mask IoU > 0.9"] == 0.5
    assert figures["mean cosine of the vectors"] == pytest.approx((1 + 0.6) / 2)
    assert figures["mean change of the predicted IoU"] == 0


def test_figures_of_detections() -> None:
    # The first run's three detections against the second's: prompt 2 keeps its class, not its mask; prompt 3 keeps its
    # mask, not its class; the others are in one run only.
    prototypes = torch.eye(2)
    figures = detection_agreement([(FIRST, SECOND)], (prototypes, prototypes))
    assert figures == {
        "detections in either": 6,
        "share in both, same class": 0,
        "mean change of the score": 0,
    }


def test_a_detection_is_the_same_whichever_prompt_it_comes_from() -> None:
    other = seen([1, 7], [[1, 1, 1, 1], [1, 1, 0, 0]], [[0, 1], [0.8, 0.6]])
    figures = detection_agreement([(FIRST, other)], (torch.eye(2), torch.eye(2)))
    assert figures["detections in either"] == 3
    assert figures["share in both, same class"] == pytest.approx(2 / 3)
    assert figures["mean change of the score"] == pytest.approx((0 + 0.2) / 2)


def test_each_detection_is_found_again_once() -> None:
    twice = seen([0, 1], [[1, 1, 0, 0]] * 2, [[1, 0]] * 2)
    once = seen([0], [[1, 1, 0, 0]], [[1, 0]])
    figures = detection_agreement([(twice, once)], (torch.eye(2), torch.eye(2)))
    assert figures["detections in either"] == 2
    assert figures["share in both, same class"] == 0.5


def test_equal_runs_agree_fully() -> None:
    figures = proposal_agreement([(FIRST, FIRST)]) | detection_agreement([(FIRST, FIRST)], (torch.eye(2), torch.eye(2)))
    assert figures["share in both"] == figures["mean mask IoU"] == figures["share in both, same class"] == 1
