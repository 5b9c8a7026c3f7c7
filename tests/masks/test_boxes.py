import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ntt.masks.boxes import mask_boxes


def drawn(picture: str) -> torch.Tensor:
    return torch.tensor([[cell == "#" for cell in row] for row in picture.split()])


def test_corners_are_inclusive():
    masks = torch.stack(
        [
            drawn(".... .##. .##. ...."),
            drawn(".... .... .... ...#"),
            drawn("#... .... .... ...#"),
            drawn("#### #### #### ####"),
        ]
    )
    assert mask_boxes(masks).tolist() == [[1, 1, 2, 2], [3, 3, 3, 3], [0, 0, 3, 3], [0, 0, 3, 3]]


def test_x_is_the_column_and_empty_masks_give_zeros():
    masks = torch.zeros(2, 3, 5, dtype=torch.bool)
    masks[0, 1, 2:5] = True
    boxes = mask_boxes(masks)
    assert boxes.tolist() == [[2, 1, 4, 1], [0, 0, 0, 0]]
    assert boxes.dtype == torch.int64


def test_no_masks():
    assert mask_boxes(torch.zeros(0, 8, 8, dtype=torch.bool)).shape == (0, 4)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.0, 0.3), st.integers(1, 9), st.integers(1, 9))
def test_equals_the_extremes_of_the_pixels(seed, density, height, width):
    masks = torch.rand(4, height, width, generator=torch.Generator().manual_seed(seed)) < density
    for mask, box in zip(masks, mask_boxes(masks).tolist(), strict=True):
        y, x = mask.nonzero(as_tuple=True)
        expected = [x.min().item(), y.min().item(), x.max().item(), y.max().item()] if len(x) else [0, 0, 0, 0]
        assert box == expected
