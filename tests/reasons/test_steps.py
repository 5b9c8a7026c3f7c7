import pytest
import torch
from drawn_candidates import drawn
from hypothesis import given, settings
from hypothesis import strategies as st

from ntt.matching.match import match
from ntt.matching.rules import RULES
from ntt.matching.scoring import SCORINGS
from ntt.matching.settings import MatchSettings
from ntt.reasons.steps import Step, follow


@pytest.mark.parametrize("rule", sorted(RULES))
@pytest.mark.parametrize("scoring", sorted(SCORINGS))
@given(seed=st.integers(0, 10_000), limits=st.tuples(st.integers(1, 30), st.integers(1, 12)))
@settings(max_examples=3, deadline=None)
def test_the_detections_are_those_of_the_matcher(rule, scoring, seed, limits):
    found, prototypes = drawn(seed)
    chosen = MatchSettings(0.5, *limits, rule=RULES[rule](), scoring=SCORINGS[scoring]())
    expected, steps = match(found, prototypes, chosen), follow(found, prototypes, chosen)
    for one, other in zip(vars(expected).values(), vars(steps.detections()).values(), strict=True):
        assert torch.equal(one, other)
    lost = steps.ended == Step.SUPPRESSED
    assert bool((steps.by[lost] >= 0).all()), "every victim has a suppressor"
    assert bool((steps.labels[steps.by[lost]] == steps.labels[lost]).all())
    assert bool((steps.ended[steps.by[lost]] != Step.SUPPRESSED).all())


def test_an_image_without_proposals():
    found, prototypes = drawn(0, count=0)
    steps = follow(found, prototypes, MatchSettings())
    assert len(steps.detected) == 0
    assert steps.cosines.shape == (0, 3)
