"""Which points are left when only those that resemble a prototype are wanted."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ntt.segmenters.points import point_grid
from ntt.segmenters.resemblance import resembling_points

SIZE = 64
SIDE = 4  # patches along an axis


def features_with(patches: list[tuple[int, int]]) -> torch.Tensor:
    """[1.0, 0.2] at the given (row, column) patches, [-0.1, 1.0] elsewhere; of various lengths, which do not count."""
    features = torch.tensor([-0.1, 1.0]).repeat(SIDE * SIDE, 1)
    for row, column in patches:
        features[row * SIDE + column] = torch.tensor([1.0, 0.2]) * (1 + row)
    return features


def test_the_coarse_points_and_those_on_a_resembling_patch_are_left() -> None:
    grid = point_grid(8, SIZE)
    features = features_with([(0, 3), (2, 1)])
    on_patches = 2 * 4  # each patch has 2 x 2 of the 8 x 8 points

    points = resembling_points(grid, SIZE, features, torch.tensor([[1.0, 0.0]]), on_patches / 64)

    wanted = []
    for i, (x, y) in enumerate(grid.tolist()):
        coarse = (i // 8) % 2 == 0 and i % 2 == 0
        if coarse or (int(y) // 16, int(x) // 16) in {(0, 3), (2, 1)}:
            wanted.append([x, y])
    assert points.tolist() == wanted


def test_one_resembling_prototype_is_enough() -> None:
    grid = point_grid(8, SIZE)
    features = features_with([(1, 1)])
    alone = resembling_points(grid, SIZE, features, torch.tensor([[1.0, 0.0]]), 4 / 64)

    with_another = resembling_points(grid, SIZE, features, torch.tensor([[0.0, -1.0], [1.0, 0.0]]), 4 / 64)

    assert torch.equal(with_another, alone)


@settings(deadline=None)
@given(share=st.floats(0.001, 1), seed=st.integers(0, 99))
def test_a_larger_share_only_adds_points_and_all_are_all(share: float, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    grid = point_grid(7, SIZE)
    features, prototypes = torch.randn(SIDE**2, 5, generator=generator), torch.randn(3, 5, generator=generator)

    some, more, everything = (
        resembling_points(grid, SIZE, features, prototypes, s) for s in (share, min(1.0, 1.5 * share), 1.0)
    )

    assert torch.equal(everything, grid)
    assert {*map(tuple, some.tolist())} <= {*map(tuple, more.tolist())}
    assert len(some) >= max(16, share * len(grid))
