import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from ntt.masks.resizing import Resizing, interpolation_matrix


@pytest.mark.parametrize("antialias", [False, True])
@pytest.mark.parametrize(("height", "width"), [(480, 640), (100, 75), (256, 256), (1, 300)])
def test_two_matrices_resize_like_torch(height, width, antialias):
    picture = torch.randn(256, 256, generator=torch.Generator().manual_seed(0))
    expected = F.interpolate(
        picture[None, None], size=(height, width), mode="bilinear", align_corners=False, antialias=antialias
    )[0, 0]
    rows = interpolation_matrix(256, height, antialias)
    columns = interpolation_matrix(256, width, antialias)
    torch.testing.assert_close(rows @ picture @ columns.T, expected, rtol=0, atol=2e-5)


@pytest.mark.parametrize("antialias", [False, True])
@pytest.mark.parametrize("target", [3, 37, 256])
def test_rows_are_weighted_means(target, antialias):
    matrix = interpolation_matrix(37, target, antialias)
    assert (matrix >= 0).all()
    torch.testing.assert_close(matrix.sum(1), torch.ones(target))


@given(source=st.integers(1, 12), target=st.integers(1, 40), data=st.data())
def test_a_window_is_resized_like_the_whole(source: int, target: int, data: st.DataObject) -> None:
    matrix = interpolation_matrix(source, target, antialias=True)
    first = data.draw(st.integers(0, source - 1))
    last = data.draw(st.integers(first, source - 1))
    samples = -np.random.default_rng(source).random((source, 3), dtype=np.float32)
    samples[[first, last]] *= -1
    resizing = Resizing(matrix)
    (window,) = resizing.windows(np.array([[first, last]]))
    resized = resizing.apply(samples[window.low : window.high], window)
    whole = matrix.numpy() @ samples
    np.testing.assert_allclose(resized, whole[window.start : window.stop], rtol=0, atol=1e-6)
    outside = np.delete(whole, slice(window.start, window.stop), axis=0)
    assert (outside <= 0).all()
