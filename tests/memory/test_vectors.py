from __future__ import annotations

import torch

from ntt.memory.vectors import reference_vector


def test_weighted_mean_by_hand() -> None:
    features = torch.tensor([[1.0, 0.0], [0.0, 4.0], [8.0, 8.0], [100.0, 100.0]])
    mask = torch.tensor([[1.0, 0.5], [0.5, 0.0]])
    vector = reference_vector(features, mask)
    assert vector is not None
    torch.testing.assert_close(vector, torch.tensor([2.5, 3.0]))


def test_scaling_the_mask_changes_nothing() -> None:
    generator = torch.Generator().manual_seed(0)
    features, mask = torch.randn(9, 5, generator=generator), torch.rand(3, 3, generator=generator)
    whole, faint = reference_vector(features, mask), reference_vector(features, mask / 16)
    assert whole is not None
    assert faint is not None
    torch.testing.assert_close(whole, faint)


def test_empty_mask_has_no_vector() -> None:
    assert reference_vector(torch.ones(4, 3), torch.zeros(2, 2)) is None
