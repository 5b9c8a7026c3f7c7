from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from ntt.reporting.clusters import kmeans, pca


def blobs() -> tuple[Tensor, Tensor]:
    """Four tight groups of ten points, far apart; points [40, 3] and their group [40]."""
    generator = torch.Generator().manual_seed(1)
    middles = torch.tensor([[0.0, 0.0, 0.0], [9.0, 0.0, 0.0], [0.0, 9.0, 0.0], [0.0, 0.0, 9.0]])
    groups = torch.arange(40) % 4
    return middles[groups] + 0.1 * torch.randn(40, 3, generator=generator), groups


@pytest.mark.parametrize("seed", range(5))
def test_kmeans_finds_separate_groups(seed: int) -> None:
    points, groups = blobs()
    centres, labels = kmeans(points, k=4, seed=seed)
    for label in range(4):
        assert len(groups[labels == label].unique()) == 1
        torch.testing.assert_close(centres[label], points[labels == label].mean(0))


def test_kmeans_repeats_and_leaves_the_global_generator_alone() -> None:
    points = torch.randn(60, 8, generator=torch.Generator().manual_seed(0))
    state = torch.get_rng_state()
    first, second = kmeans(points, seed=3), kmeans(points, seed=3)
    assert torch.equal(first[0], second[0])
    assert torch.equal(first[1], second[1])
    assert torch.equal(torch.get_rng_state(), state)


@given(count=st.integers(1, 12), k=st.integers(1, 6), seed=st.integers(0, 99))
def test_each_point_belongs_to_its_nearest_centre(count: int, k: int, seed: int) -> None:
    points = torch.randn(count, 4, generator=torch.Generator().manual_seed(seed))
    centres, labels = kmeans(points, k, seed)
    assert len(centres) == min(k, count)
    distances = torch.cdist(points, centres)
    torch.testing.assert_close(distances.gather(1, labels[:, None])[:, 0], distances.min(1).values)


def test_fewer_distinct_points_than_clusters() -> None:
    centres, labels = kmeans(torch.tensor([[1.0, 2.0]]).repeat(5, 1), k=4)
    assert centres.tolist() == [[1.0, 2.0]]
    assert labels.tolist() == [0] * 5


def test_pca_keeps_the_distances_of_a_flat_cloud() -> None:
    generator = torch.Generator().manual_seed(0)
    flat = torch.randn(30, 2, generator=generator) @ torch.randn(2, 10, generator=generator)
    coordinates = pca(flat)
    assert coordinates.shape == (30, 3)
    torch.testing.assert_close(torch.pdist(coordinates), torch.pdist(flat))
    assert coordinates[:, 2].abs().max() < 1e-4


def test_pca_sorts_by_variance_and_fixes_the_sign() -> None:
    points = torch.tensor([[0.0, 5.0], [0.0, -5.0], [1.0, 0.0], [-1.0, 0.0]])
    expected = torch.tensor([[5.0, 0.0], [-5.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    torch.testing.assert_close(pca(points, components=2), expected)


def test_pca_of_one_point_is_zero() -> None:
    assert pca(torch.ones(1, 6)).tolist() == [[0.0, 0.0, 0.0]]


def test_pca_is_the_same_in_threads_side_by_side_and_leaves_the_global_generator_alone() -> None:
    points = torch.randn(60, 32, generator=torch.Generator().manual_seed(0))
    state, alone = torch.get_rng_state(), pca(points)
    with ThreadPoolExecutor(4) as threads:
        assert all(torch.equal(alone, other) for other in threads.map(pca, [points] * 200))
    assert torch.equal(torch.get_rng_state(), state)


def test_pca_finds_what_an_exact_decomposition_finds() -> None:
    spread = torch.tensor([9.0, 5.0, 3.0, *[0.5] * 37])
    points = torch.randn(200, 40, generator=torch.Generator().manual_seed(0)) * spread
    centred = points - points.mean(0)
    exact = centred @ torch.linalg.svd(centred, full_matrices=False).Vh[:3].T
    torch.testing.assert_close(pca(points).abs(), exact.abs(), atol=1e-3, rtol=1e-3)
