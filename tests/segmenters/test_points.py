from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ntt.segmenters.points import point_grid


def test_default_grid_walks_y_first_at_33_pixels_from_half_a_pixel() -> None:
    points = point_grid(32, 1024)

    assert points.shape == (1024, 2)
    assert points[0].tolist() == [0.5, 0.5]
    assert points[1].tolist() == [0.5, 33.5]
    assert points[32].tolist() == [33.5, 0.5]
    assert points[-1].tolist() == [1023.5, 1023.5]


@settings(deadline=None)
@given(per_side=st.integers(2, 40), image_size=st.integers(32, 2048))
def test_grid_is_sorted_even_and_spans_the_image(per_side: int, image_size: int) -> None:
    points = point_grid(per_side, image_size).view(per_side, per_side, 2)

    x, y = points[..., 0], points[..., 1]
    assert torch.equal(x, y.T)
    assert torch.equal(y, y[:1].expand_as(y))
    steps = y[0].diff()
    torch.testing.assert_close(steps, steps.new_full(steps.shape, (image_size - 1) / (per_side - 1)), rtol=0, atol=1e-3)
    assert y[0, 0] == 0.5
    assert y[0, -1] == image_size - 0.5
