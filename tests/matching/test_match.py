import dataclasses

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ntt.masks.boxes import mask_boxes
from ntt.masks.overlaps import mask_overlaps
from ntt.masks.windowed import encode_masks
from ntt.matching.match import Candidates, Detections, match
from ntt.matching.rules import RULES
from ntt.matching.settings import MatchSettings


def rectangles(corners, size=20):
    masks = torch.zeros(len(corners), size, size, dtype=torch.bool)
    for mask, (x1, y1, x2, y2) in zip(masks, corners, strict=True):
        mask[y1:y2, x1:x2] = True
    return masks


def arguments(masks, vectors, predicted_iou, prototypes):
    return {
        "vectors": vectors,
        "predicted_iou": predicted_iou,
        "boxes_low": mask_boxes(masks),
        "areas": masks.flatten(1).sum(1),
        "overlaps": mask_overlaps(encode_masks(masks)),
        "prototypes": prototypes,
    }


def matched(*, prototypes, settings, **tensors) -> Detections:
    return match(Candidates(**tensors), prototypes, settings)


def random_arguments(seed, count=30, classes=3):
    generator = torch.Generator().manual_seed(seed)
    starts = torch.randint(0, 12, (count, 2), generator=generator)
    sizes = torch.randint(1, 9, (count, 2), generator=generator)
    masks = rectangles(torch.cat([starts, starts + sizes], dim=1).tolist())
    return arguments(
        masks,
        torch.randn(count, 4, generator=generator),
        torch.rand(count, generator=generator),
        torch.randn(classes, 4, generator=generator),
    )


def test_whole_object_then_its_part():
    masks = rectangles([(0, 0, 10, 10), (0, 0, 10, 4), (12, 12, 18, 18)])
    vectors = torch.tensor([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]])
    given_ = arguments(masks, vectors, torch.tensor([0.9, 0.8, 0.7]), torch.eye(2))
    plain = matched(**given_, settings=MatchSettings(rule=RULES["none"]()))
    assert plain.proposals.tolist() == [0, 2, 1]
    assert plain.labels.tolist() == [0, 1, 0]
    torch.testing.assert_close(plain.scores, torch.tensor([1.0, 1.0, 0.8]))
    soft = matched(**given_, settings=MatchSettings(rule=RULES["soft"]()))
    # The part lies wholly in the object and resembles it by 0.8.
    torch.testing.assert_close(soft.scores, torch.tensor([1.0, 1.0, 0.8 * 0.2**0.5]))
    hard = matched(**given_, settings=MatchSettings(rule=RULES["hard"]()))
    assert hard.proposals.tolist() == [0, 2]
    diffusion = matched(**given_, settings=MatchSettings(rule=RULES["diffusion"]()))
    torch.testing.assert_close(diffusion.scores, torch.tensor([1.0, 1.0, 0.8 * 0.3**0.5]))


def test_rank_is_the_predicted_iou_not_the_similarity():
    masks = rectangles([(0, 0, 10, 10), (0, 0, 10, 9)])
    vectors = torch.tensor([[1.0, 0.0], [0.8, 0.6]])
    found = matched(
        **arguments(masks, vectors, torch.tensor([0.5, 0.9]), torch.tensor([[1.0, 0.0]])),
        settings=MatchSettings(),
    )
    assert found.proposals.tolist() == [1]


@pytest.mark.parametrize("merge", tuple(RULES))
@pytest.mark.parametrize("seed", range(5))
def test_output_is_sorted_limited_and_within_range(merge, seed):
    given_ = random_arguments(seed)
    found = matched(**given_, settings=MatchSettings(rule=RULES[merge](), max_detections=7))
    assert 0 < len(found.scores) <= 7
    assert len(found.proposals.unique()) == len(found.proposals)
    assert (found.scores.diff() <= 0).all()
    assert ((found.scores >= 0) & (found.scores <= 1 + 1e-6)).all()
    everything = matched(**given_, settings=MatchSettings(rule=RULES[merge]()))
    assert torch.equal(everything.proposals[:7], found.proposals)


def test_no_merging_equals_the_scores():
    given_ = random_arguments(11)
    found = matched(**given_, settings=MatchSettings(rule=RULES["none"]()))
    cosines = torch.nn.functional.cosine_similarity(
        given_["vectors"][found.proposals], given_["prototypes"][found.labels]
    )
    torch.testing.assert_close(found.scores, cosines)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_merging_never_raises_a_score(seed):
    given_ = random_arguments(seed)
    plain = matched(**given_, settings=MatchSettings(rule=RULES["none"]()))
    before = dict(zip(plain.proposals.tolist(), plain.scores.tolist(), strict=True))
    for merge in ("soft", "hard", "diffusion"):
        merged = matched(**given_, settings=MatchSettings(rule=RULES[merge]()))
        assert all(
            score <= before[proposal]
            for proposal, score in zip(merged.proposals.tolist(), merged.scores.tolist(), strict=True)
        )


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(tuple(RULES)))
def test_vector_lengths_do_not_matter(seed, merge):
    given_ = random_arguments(seed)
    found = matched(**given_, settings=MatchSettings(rule=RULES[merge]()))
    scaled = given_ | {"vectors": 8 * given_["vectors"], "prototypes": given_["prototypes"] / 4}
    again = matched(**scaled, settings=MatchSettings(rule=RULES[merge]()))
    assert torch.equal(again.proposals, found.proposals)
    torch.testing.assert_close(again.scores, found.scores)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.permutations([0, 1, 2]))
def test_the_order_of_the_classes_does_not_matter(seed, permutation):
    # All coordinates positive: a proposal that resembles no class would count as class 0, whichever that is.
    given_ = random_arguments(seed)
    given_ |= {"vectors": given_["vectors"].abs(), "prototypes": given_["prototypes"].abs()}
    found = matched(**given_, settings=MatchSettings())
    permuted = given_ | {"prototypes": given_["prototypes"][permutation]}
    again = matched(**permuted, settings=MatchSettings())
    assert torch.equal(again.proposals, found.proposals)
    assert torch.equal(torch.tensor(permutation)[again.labels], found.labels)
    torch.testing.assert_close(again.scores, found.scores)


def test_proposals_that_resemble_nothing_are_dropped():
    masks = rectangles([(0, 0, 5, 5), (10, 10, 15, 15)])
    vectors = torch.tensor([[-1.0, 0.0], [1.0, 0.0]])
    found = matched(
        **arguments(masks, vectors, torch.tensor([0.9, 0.8]), torch.tensor([[1.0, 0.0]])),
        settings=MatchSettings(),
    )
    assert found.proposals.tolist() == [1]


@pytest.mark.parametrize("merge", tuple(RULES))
def test_a_vanished_mask_suppresses_but_is_no_detection(merge):
    masks = rectangles([(0, 0, 5, 5), (0, 0, 5, 5), (10, 10, 15, 15)])
    given_ = arguments(masks, torch.ones(3, 2), torch.tensor([0.9, 0.8, 0.7]), torch.ones(1, 2))
    masks[0] = False
    given_ |= {"areas": masks.flatten(1).sum(1), "overlaps": mask_overlaps(encode_masks(masks))}
    found = matched(**given_, settings=MatchSettings(rule=RULES[merge]()))
    assert found.proposals.tolist() == [2]
    assert torch.isfinite(found.scores).all()


def test_only_the_best_ranked_are_kept_before_merging():
    masks = rectangles([(0, 0, 4, 4), (5, 5, 9, 9), (12, 12, 18, 18)])
    given_ = arguments(masks, torch.ones(3, 2), torch.tensor([0.7, 0.9, 0.8]), torch.ones(1, 2))
    found = matched(**given_, settings=MatchSettings(max_proposals=2))
    assert sorted(found.proposals.tolist()) == [1, 2]


def test_equal_scores_keep_their_rank_order(monkeypatch):
    """On a CPU torch's sort happens to be stable always; elsewhere it is so only where asked."""
    sort = torch.argsort

    def stable_where_asked(values, descending=False, stable=False):
        if stable:
            return sort(values, descending=descending, stable=True)
        return len(values) - 1 - sort(values.flip(0), descending=descending, stable=True)  # equal ones turned round

    monkeypatch.setattr(torch, "argsort", stable_where_asked)
    masks = rectangles([(0, 0, 4, 4), (5, 5, 9, 9), (12, 12, 18, 18)])
    given_ = arguments(masks, torch.ones(3, 2), torch.tensor([0.7, 0.9, 0.8]), torch.ones(1, 2))
    assert matched(**given_, settings=MatchSettings()).proposals.tolist() == [1, 2, 0]
    given_["predicted_iou"] = torch.full((3,), 0.5)
    assert matched(**given_, settings=MatchSettings()).proposals.tolist() == [0, 1, 2]


@pytest.mark.parametrize("merge", tuple(RULES))
def test_an_image_without_proposals_has_no_detections(merge):
    given_ = arguments(rectangles([]), torch.zeros(0, 4), torch.zeros(0), torch.randn(3, 4))
    found = matched(**given_, settings=MatchSettings(rule=RULES[merge]()))
    assert [len(value) for value in dataclasses.astuple(found)] == [0, 0, 0]
    assert found.labels.dtype == found.proposals.dtype == torch.int64


@pytest.mark.parametrize("merge", tuple(RULES))
def test_nothing_resembling_any_class_is_no_error(merge):
    given_ = random_arguments(0)
    given_ |= {"vectors": given_["vectors"].abs(), "prototypes": -given_["prototypes"].abs()}
    assert len(matched(**given_, settings=MatchSettings(rule=RULES[merge]())).scores) == 0
