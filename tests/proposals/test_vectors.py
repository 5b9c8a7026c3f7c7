import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from ntt.proposals.vectors import MASKS_AT_ONCE, mask_vectors, patch_weights


def dense_mask_vectors(features, masks, grid):
    """The definition: upsample everything, average under each mask, normalise."""
    size = masks.shape[-1]
    upsampled = F.interpolate(
        features.T.reshape(1, -1, grid, grid), size=(size, size), mode="bilinear", align_corners=False
    )[0].double()  # [D, m, m]
    means = torch.stack([upsampled[:, mask].mean(dim=1) for mask in masks])
    return F.normalize(means, dim=1).float()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 9), st.integers(2, 40), st.floats(0.001, 0.9))
def test_equals_the_dense_computation(seed, grid, size, density):
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(grid * grid, 6, generator=generator)
    masks = torch.rand(3, size, size, generator=generator) < density
    masks[:, seed % size, seed % 2] = True
    vectors = mask_vectors(features, masks, grid)
    torch.testing.assert_close(vectors, dense_mask_vectors(features, masks, grid), rtol=0, atol=2e-5)


def test_equals_the_dense_computation_at_the_published_sizes():
    generator = torch.Generator().manual_seed(1)
    features = torch.randn(37 * 37, 16, generator=generator)
    noise = torch.randn(MASKS_AT_ONCE + 3, 1, 12, 12, generator=generator)
    masks = F.interpolate(noise, size=(256, 256), mode="bilinear")[:, 0] > 0.8
    assert masks.flatten(1).any(1).all()
    vectors = mask_vectors(features, masks, 37)
    torch.testing.assert_close(vectors, dense_mask_vectors(features, masks, 37), rtol=0, atol=1e-5)


def test_weights_sum_to_the_pixels():
    masks = torch.rand(MASKS_AT_ONCE + 1, 30, 30, generator=torch.Generator().manual_seed(2)) < 0.3
    weights = patch_weights(masks, 7)
    torch.testing.assert_close(weights.sum(1), masks.flatten(1).sum(1).float())


def test_empty_mask_gives_a_zero_vector_and_no_masks_none():
    features = torch.randn(25, 4)
    assert mask_vectors(features, torch.zeros(1, 16, 16, dtype=torch.bool), 5).tolist() == [[0.0] * 4]
    assert mask_vectors(features, torch.zeros(0, 16, 16, dtype=torch.bool), 5).shape == (0, 4)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_features_are_averaged_in_float32(dtype):
    features = torch.randn(25, 4).to(dtype)
    masks = torch.ones(1, 16, 16, dtype=torch.bool)
    vectors = mask_vectors(features, masks, 5)
    assert vectors.dtype == torch.float32
    torch.testing.assert_close(vectors, mask_vectors(features.float(), masks, 5))
