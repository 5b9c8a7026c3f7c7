"""Scores by hand."""

import math

import pytest
import torch

from ntt.errors import InputError
from ntt.masks.boxes import mask_boxes
from ntt.masks.overlaps import mask_overlaps
from ntt.masks.windowed import encode_masks
from ntt.matching.match import Candidates, match
from ntt.matching.scoring import SCORINGS, Negatives, Quality, Softmax, TopClasses
from ntt.matching.settings import MatchSettings

COSINES = torch.tensor([[0.8, 0.6, -0.1], [-0.2, -0.5, -0.1]])
IOUS = torch.tensor([0.5, 0.9])


def rows(rule):
    proposals, labels, scores = rule.candidates(COSINES, IOUS)
    return list(zip(proposals.tolist(), labels.tolist(), [round(score, 5) for score in scores.tolist()], strict=True))


def test_quality_multiplies_with_the_predicted_iou():
    assert rows(Quality()) == [(0, 0, 0.4), (1, 0, 0.0)]
    assert rows(Quality(power=2.0))[0] == (0, 0, 0.2)
    assert rows(Quality(power=0.0))[0] == (0, 0, 0.8)


def test_softmax_has_a_background():
    total = math.exp(8) + math.exp(6) + math.exp(-1) + math.exp(5)
    assert rows(Softmax(temperature=0.1, background=0.5))[0] == (0, 0, round(math.exp(8) / total, 5))
    unlike = rows(Softmax(temperature=0.1, background=0.5))[1]
    assert unlike[1] == 2
    assert unlike[2] < 0.003


def test_a_mask_may_be_of_several_classes():
    assert rows(TopClasses(classes_per_mask=3, share=0.6)) == [
        (0, 0, 0.8),
        (0, 1, 0.6),
        *[(1, c, 0.0) for c in range(3)],
    ]
    assert rows(TopClasses(classes_per_mask=3, share=0.8))[:2] == [(0, 0, 0.8), (1, 0, 0.0)]
    assert rows(TopClasses(classes_per_mask=1))[0] == (0, 0, 0.8)


def test_other_classes_count_against_a_class():
    assert rows(Negatives(beta=0.5))[0] == (0, 0, round(1 / (1 + math.exp(-0.5)), 5))
    assert rows(Negatives(beta=0.5, offset=0.5, temperature=0.1))[0] == (0, 0, 0.5)
    assert rows(Negatives())[1][2] == 0.0
    alone = Negatives(beta=0.5).candidates(torch.tensor([[0.5]]), torch.ones(1))[2]
    torch.testing.assert_close(alone, torch.tensor([0.5]).sigmoid())


def test_one_mask_of_two_classes_is_suppressed_and_merged_in_each():
    masks = torch.zeros(2, 20, 20, dtype=torch.bool)
    masks[0, :10, :10] = masks[1, :10, :4] = True
    found = Candidates(
        vectors=torch.tensor([[0.8, 0.6], [0.6, 0.8]]),
        predicted_iou=torch.tensor([0.9, 0.8]),
        boxes_low=mask_boxes(masks),
        areas=masks.flatten(1).sum(1),
        overlaps=mask_overlaps(encode_masks(masks)),
    )
    detections = match(found, torch.eye(2), MatchSettings(scoring=TopClasses(classes_per_mask=2, share=0.0)))
    whole, part = [0.8, 0.6], [score * (1 - 0.96) ** 0.5 for score in (0.6, 0.8)]
    expected = {(0, 0): whole[0], (0, 1): whole[1], (1, 0): part[0], (1, 1): part[1]}
    triples = zip(detections.proposals.tolist(), detections.labels.tolist(), detections.scores.tolist(), strict=True)
    assert {(p, c): s for p, c, s in triples} == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("name", SCORINGS)
def test_no_proposal_is_no_error(name):
    assert [len(one) for one in SCORINGS[name]().candidates(torch.zeros(0, 3), torch.zeros(0))] == [0, 0, 0]


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (Quality, {"power": -1.0}),
        (Softmax, {"temperature": 0.0}),
        (TopClasses, {"share": 2.0}),
        (Negatives, {"beta": -1.0}),
    ],
)
def test_a_value_outside_its_range_is_named(kind, options):
    with pytest.raises(InputError, match=f"scoring.{next(iter(options))}"):
        kind(**options)
