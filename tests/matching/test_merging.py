import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ntt.masks.overlaps import mask_overlaps
from ntt.masks.windowed import encode_masks
from ntt.matching.merging import class_coverages, diffusion_redundancy, score_factors, soft_redundancy, swallowed
from ntt.matching.scores import unit_vectors

# Rank order: a whole object, three quarters of it, and half of that with as much outside.
COVERAGE = torch.tensor([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.5, 0.4, 0.0]])


def soft_factors(coverage, vectors):
    return score_factors(soft_redundancy(coverage, unit_vectors(vectors)))


def diffusion_factors(coverage, **options):
    return score_factors(diffusion_redundancy(coverage, **options))


def random_coverage(seed, size):
    return torch.rand(size, size, generator=torch.Generator().manual_seed(seed)).tril(-1)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(1, 3))
def test_class_coverages_equal_brute_force(seed, count, classes):
    generator = torch.Generator().manual_seed(seed)
    masks = torch.rand(count, 5, 6, generator=generator) < 0.3
    masks[:, 0, seed % 6] = True
    ranked = torch.randperm(count, generator=generator)[: max(1, count - 2)]
    labels = torch.randint(classes, (len(ranked),), generator=generator)
    areas = masks.flatten(1).sum(1)
    found = {}
    for members, coverage in class_coverages(mask_overlaps(encode_masks(masks)), areas, ranked, labels):
        for i, row in zip(members.tolist(), coverage.tolist(), strict=True):
            found |= {(i, j): share for j, share in zip(members.tolist(), row, strict=True) if share > 0}
    expected = {}
    for i in range(len(ranked)):
        for j in range(i):
            shared = int((masks[ranked[i]] & masks[ranked[j]]).sum())
            if labels[i] == labels[j] and shared:
                expected[i, j] = shared / int(areas[ranked[i]])
    assert found == pytest.approx(expected)


def test_soft_merging_weighs_coverage_by_similarity():
    vectors = torch.tensor([[1.0, 0.0], [2.0, 0.0], [0.6, 0.8]])
    # Third: max(0.5 * 0.6, 0.4 * 0.6).
    expected = torch.tensor([1.0, 0.0, math.sqrt(1 - 0.3)])
    torch.testing.assert_close(soft_factors(COVERAGE, vectors), expected, rtol=0, atol=1e-3)


def test_soft_merging_ignores_opposite_vectors():
    vectors = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]])
    assert soft_factors(COVERAGE, vectors).tolist() == [1.0, 1.0, 1.0]


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 10))
def test_factors_never_raise_a_score(seed, size):
    coverage = random_coverage(seed, size)
    vectors = torch.randn(size, 3, generator=torch.Generator().manual_seed(seed + 1))
    vectors[size // 2] = vectors[0]  # the cosine of equal vectors may round to more than 1
    coverage[size // 2, 0] = float(size // 2 > 0)
    for factors in (
        soft_factors(coverage, vectors),
        diffusion_factors(coverage, alpha=0.3, steps=30, tolerance=1e-6, normalise=False),
        diffusion_factors(coverage, alpha=0.9, steps=3, tolerance=1e-6, normalise=True),
    ):
        assert factors.shape == (size,)
        assert ((factors >= 0) & (factors <= 1)).all()
    assert soft_factors(coverage, vectors)[0] == 1


def test_hard_merging_needs_a_single_covering_proposal():
    assert swallowed(COVERAGE, 1.0).tolist() == [False, True, False]
    assert swallowed(COVERAGE, 0.5).tolist() == [False, True, True]
    assert swallowed(COVERAGE, 0.6).tolist() == [False, True, False]


@pytest.mark.parametrize("normalise", [False, True])
def test_diffusion_reaches_its_fixed_point(normalise):
    coverage = random_coverage(3, 6).double() / 2
    weights = coverage / coverage.sum(1, keepdim=True).clamp(min=1e-30) if normalise else coverage
    restart = 0.7 * coverage.amax(1)
    fixed = torch.linalg.solve(torch.eye(6).double() - 0.3 * weights, restart)
    factors = diffusion_factors(coverage, alpha=0.3, steps=100, tolerance=0.0, normalise=normalise)
    torch.testing.assert_close(factors, (1 - fixed).clamp(min=0).sqrt())


def test_diffusion_stops_after_its_steps_or_at_its_tolerance():
    # One step from uniform 1/3: row 2 gives 0.3 * (0.5 + 0.4) / 3 + 0.7 * 0.5 = 0.44.
    one = diffusion_factors(COVERAGE, alpha=0.3, steps=1, tolerance=0.0, normalise=False)
    torch.testing.assert_close(one, torch.tensor([1.0, math.sqrt(0.2), math.sqrt(0.56)]))
    loose = diffusion_factors(COVERAGE, alpha=0.3, steps=30, tolerance=10.0, normalise=False)
    assert torch.equal(loose, one)


def test_normalised_diffusion_differs_where_rows_do_not_sum_to_one():
    released = diffusion_factors(COVERAGE, alpha=0.3, steps=30, tolerance=1e-6, normalise=False)
    paper = diffusion_factors(COVERAGE, alpha=0.3, steps=30, tolerance=1e-6, normalise=True)
    # pi of the second is 0.7; of the third 0.3 * 0.4 * 0.7 + 0.35, against 0.3 * (0.4 / 0.9) * 0.7 + 0.35.
    assert 1 - released[2].item() ** 2 == pytest.approx(0.434, abs=1e-4)
    assert 1 - paper[2].item() ** 2 == pytest.approx(0.35 + 0.3 * 0.7 * 4 / 9, abs=1e-4)
