import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from ntt.proposals.interpolation import interpolation_matrix, two_taps


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


@given(source=st.integers(1, 12), target=st.integers(1, 40), start=st.integers(0, 39), data=st.data())
def test_two_taps_are_the_matrix_wherever_they_exist(source: int, target: int, start: int, data: st.DataObject) -> None:
    matrix = interpolation_matrix(source, target, antialias=True)
    taps = two_taps(matrix)
    assert (taps is None) == bool(((matrix > 0).sum(1) > 2).any())
    if taps is None or start >= target:
        return
    stop = data.draw(st.integers(start + 1, target))
    samples = torch.randn(source, 3, generator=torch.Generator().manual_seed(source))
    origin = int(taps.first[start:stop].min())
    expected = matrix[start:stop] @ samples
    torch.testing.assert_close(taps.apply(samples[origin:], start, stop, origin), expected, rtol=0, atol=1e-5)
