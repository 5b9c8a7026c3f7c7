"""The best of very many classes is the best one in float32, however near the others come."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from ntt.bench.scenes import ellipses
from ntt.masks.overlaps import mask_overlaps
from ntt.matching.match import Candidates, match, prepare
from ntt.matching.scores import class_cosines
from ntt.matching.scoring import Softmax
from ntt.matching.screening import MANY, ManyClasses
from ntt.matching.settings import MatchSettings


@given(st.integers(0, 1000), st.sampled_from([0.0, 0.5, 3.0]), st.sampled_from([1e-4, 1e-3, 1e-2, 0.3]))
def test_it_is_the_class_of_the_whole_product(seed: int, shared: float, spread: float) -> None:
    """`shared` pulls all classes together; `spread` is how far proposals are from one of them."""
    random = torch.Generator().manual_seed(seed)
    base = torch.randn(64, generator=random)
    prototypes = F.normalize(torch.randn(300, 64, generator=random) + shared * base, dim=1)
    picked = prototypes[torch.randint(300, (40,), generator=random)]
    units = F.normalize(picked + spread * torch.randn(40, 64, generator=random), dim=1)
    units[0] = 0  # a proposal without features
    labels, cosines = ManyClasses(3 * prototypes).best(units)
    expected = class_cosines(units, prototypes)
    torch.testing.assert_close(cosines, expected.amax(dim=1), atol=1e-6, rtol=0)
    chosen = expected.gather(1, labels[:, None])[:, 0]
    torch.testing.assert_close(chosen, expected.amax(dim=1), atol=5e-7, rtol=0)


def test_of_equal_classes_it_is_the_first() -> None:
    prototypes = F.normalize(torch.randn(300, 64, generator=torch.Generator().manual_seed(0)), dim=1)
    prototypes[200] = prototypes[7]
    labels, cosines = ManyClasses(prototypes).best(prototypes[[200, 7, 9]])
    assert labels.tolist() == [7, 7, 9]
    assert cosines.tolist() == pytest.approx([1, 1, 1])


def test_detections_are_the_same() -> None:
    made = ellipses(40, MANY)
    low = (made.boxes * 0.4).long()
    found = Candidates(made.vectors, made.predicted_iou, low, made.areas, mask_overlaps(made.rles))
    found.vectors[:3] *= -1  # of no class
    prototypes, settings = made.prototypes, MatchSettings()
    many = prepare(prototypes, settings, fast=True)
    assert isinstance(many, ManyClasses)
    one, other = match(found, many, settings), match(found, prototypes, settings)
    assert torch.equal(one.proposals, other.proposals)
    assert torch.equal(one.labels, other.labels)
    torch.testing.assert_close(one.scores, other.scores, atol=1e-6, rtol=0)


def test_only_where_it_is_worth_it() -> None:
    many = torch.randn(MANY, 8)
    for few in (
        prepare(many[1:], MatchSettings(), fast=True),
        prepare(many, MatchSettings(), fast=False),
        prepare(many, MatchSettings(scoring=Softmax()), fast=True),
        prepare(many[:, None], MatchSettings(), fast=True),
    ):
        assert isinstance(few, torch.Tensor)
