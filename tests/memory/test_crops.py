from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ntt.memory.crops import crop_window, reference_crop


@pytest.mark.parametrize(
    ("bbox", "context", "window"),
    [
        ((40.0, 30.0, 20.0, 10.0), 0.0, (40, 25, 60, 45)),  # as high as the box is wide
        ((40.0, 30.0, 20.0, 10.0), 0.2, (38, 23, 62, 47)),
        ((0.0, 30.0, 20.0, 10.0), 0.2, (0, 23, 22, 47)),  # clipped at the left
        ((85.0, 70.0, 20.0, 10.0), 0.2, (83, 63, 100, 80)),  # clipped at the right and at the bottom
        ((40.9, 30.9, 20.2, 10.2), 0.0, (40, 25, 61, 46)),  # corners are truncated, not rounded
    ],
)
def test_window(bbox: tuple[float, float, float, float], context: float, window: tuple[int, int, int, int]) -> None:
    assert crop_window(bbox, height=80, width=100, context=context) == window


coordinate = st.floats(-50, 200)


@given(
    bbox=st.tuples(coordinate, coordinate, st.floats(0, 300), st.floats(0, 300)),
    height=st.integers(1, 120),
    width=st.integers(1, 120),
    context=st.floats(0, 2),
)
def test_window_is_inside_the_image_and_never_empty(
    bbox: tuple[float, float, float, float], height: int, width: int, context: float
) -> None:
    left, top, right, bottom = crop_window(bbox, height, width, context)
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height


def test_crop_and_mask_show_the_same_window() -> None:
    image = np.zeros((64, 64, 3), np.uint8)
    mask = np.zeros((64, 64), np.uint8)
    image[16:32, 16:32, 1] = 255
    mask[16:32, 16:32] = 1

    crop, grid_mask = reference_crop(image, mask, (16, 16, 16, 16), context=1.0, image_size=56, grid=4)

    assert crop.dtype == grid_mask.dtype == torch.float32
    assert crop[0].abs().max() == 0
    assert crop[1, 28, 28] == pytest.approx(1.0)
    assert crop[1, 2, 2] == pytest.approx(0.0)
    # The box is the central half of the window, which is patches 1 and 2 of 4 on both axes.
    inside = torch.zeros(4, 4)
    inside[1:3, 1:3] = 1
    assert torch.equal(grid_mask > 0.25, inside.bool())


def test_thin_mask_falls_back_to_its_area() -> None:
    mask = np.zeros((200, 200), np.uint8)
    mask[:, 103] = 1

    _, grid_mask = reference_crop(
        np.zeros((200, 200, 3), np.uint8), mask, (0, 0, 200, 200), context=0.0, image_size=200, grid=10
    )

    # Sampling at columns 0, 20, 40 ... would miss column 103, one of the twenty of patch column 5.
    expected = torch.zeros(10, 10)
    expected[:, 5] = 1 / 20
    torch.testing.assert_close(grid_mask, expected)


def test_object_outside_the_window_has_an_empty_mask() -> None:
    mask = np.zeros((50, 50), np.uint8)
    mask[40:, 40:] = 1
    _, grid_mask = reference_crop(np.zeros((50, 50, 3), np.uint8), mask, (0, 0, 10, 10), 0.2, 28, 2)
    assert grid_mask.sum() == 0
