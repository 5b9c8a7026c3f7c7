"""One image in which every cause comes once, by hand."""

import numpy as np
import pytest
import torch
from drawn_candidates import candidates, drawn
from hypothesis import given, settings
from hypothesis import strategies as st

from ntt.matching.rules import RULES
from ntt.matching.settings import MatchSettings
from ntt.reasons.kinds import Kind, error_kind
from ntt.reasons.missed import Cause, fates, found_by
from ntt.reasons.steps import follow

ONE, OTHER, NEITHER = [1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]


def fate(corners, vectors, iou, label=0, score=0.0, quality=None, **limits):
    quality = quality or [1 - 0.1 * place for place in range(len(corners))]
    found = candidates(corners, torch.tensor(vectors).reshape(-1, 2), torch.tensor(quality))
    steps = follow(found, torch.eye(2), MatchSettings(**limits))
    return fates(np.array([iou]), [label], steps, score)[0]


def test_found():
    assert fate([(0, 0, 9, 9)], [ONE], [0.8]).cause is None


@pytest.mark.parametrize(("iou", "cause"), [(0.05, Cause.UNCOVERED), (0.4, Cause.LOOSE)])
def test_no_proposal_is_good_enough(iou, cause):
    assert fate([(0, 0, 9, 9)], [ONE], [iou]).cause == cause


def test_an_image_without_any_proposal():
    found = candidates([], torch.zeros(0, 2), torch.zeros(0))
    told = fates(np.zeros((1, 0)), [0], follow(found, torch.eye(2), MatchSettings()))[0]
    assert (told.cause, told.proposal, told.iou) == (Cause.UNCOVERED, None, 0.0)


def test_the_wrong_class():
    assert fate([(0, 0, 9, 9)], [ONE], [0.8], label=1).cause == Cause.CLASS


def test_nothing_it_resembles():
    assert fate([(0, 0, 9, 9)], [NEITHER], [0.8]).cause == Cause.UNLIKE


def test_a_victim_of_suppression_names_who_did_it():
    corners, vectors = [(0, 0, 9, 9), (0, 0, 9, 8)], [ONE, ONE]
    told = fate(corners, vectors, [0.4, 0.6])
    assert (told.cause, told.proposal) == (Cause.SUPPRESSED, 1)
    steps = follow(candidates(corners, torch.tensor(vectors), torch.tensor([1.0, 0.9])), torch.eye(2), MatchSettings())
    assert steps.by.tolist() == [-1, 0]


def test_beyond_the_limits():
    apart, two = [(0, 0, 5, 5), (10, 10, 15, 15)], [ONE, [0.8, 0.6]]
    assert fate(apart, two, [0.0, 0.8], max_proposals=1).cause == Cause.CROWDED_OUT
    assert fate(apart, two, [0.0, 0.8], max_detections=1).cause == Cause.BEYOND_LAST


def test_the_score_that_merging_leaves():
    inside, two = [(0, 0, 10, 10), (0, 0, 10, 3)], [ONE, [0.8, 0.6]]
    assert fate(inside, two, [0.3, 0.8], score=0.7).cause == Cause.SHRUNK
    assert fate(inside, two, [0.3, 0.8], score=0.9).cause == Cause.LOW
    assert fate(inside, [ONE, ONE], [0.3, 0.8], rule=RULES["hard"]()).cause == Cause.MERGED


def test_one_detection_finds_one_object():
    found = candidates([(0, 0, 9, 9)], torch.tensor([ONE]), torch.tensor([1.0]))
    steps = follow(found, torch.eye(2), MatchSettings())
    ious = np.array([[0.6], [0.9]])
    assert found_by(ious, [0, 0], steps) == [None, 0]
    assert [one.cause for one in fates(ious, [0, 0], steps)] == [Cause.TAKEN, None]


@given(seed=st.integers(0, 10_000), score=st.floats(0, 1))
@settings(max_examples=20, deadline=None)
def test_every_object_is_found_or_has_one_cause(seed, score):
    found, prototypes = drawn(seed)
    steps = follow(found, prototypes, MatchSettings(max_proposals=20, max_detections=5))
    rng = np.random.default_rng(seed)
    ious, labels = rng.uniform(0, 1, (6, 30)), rng.integers(0, 3, 6).tolist()
    finders, told = found_by(ious, labels, steps, score), fates(ious, labels, steps, score)
    assert [one.cause is None for one in told] == [finder is not None for finder in finders]
    kept = [finder for finder in finders if finder is not None]
    assert len(kept) == len(set(kept)), "no detection finds two objects"


@pytest.mark.parametrize(
    ("ious", "kind"),
    [
        ([0.0, 0.05], Kind.BACKGROUND),
        ([0.3, 0.0], Kind.LOCALISATION),
        ([0.0, 0.7], Kind.CLASSIFICATION),
        ([0.0, 0.3], Kind.BOTH),
        ([0.7, 0.0], Kind.DUPLICATE),
    ],
)
def test_kinds_of_false_alarms(ious, kind):
    assert error_kind(np.array(ious), 0, [0, 1]) == kind


def test_without_objects_all_is_background():
    assert error_kind(np.zeros(0), 0, []) == Kind.BACKGROUND
