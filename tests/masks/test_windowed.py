import json

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from ntt.masks.boxes import mask_boxes
from ntt.masks.windowed import encode_logits, encode_masks, rle_areas, rle_boxes


def blobs(count, size, seed, level=0.8):
    noise = torch.randn(count, 1, 6, 6, generator=torch.Generator().manual_seed(seed))
    return F.interpolate(noise, size=(size, size), mode="bilinear")[:, 0] - level


def resized_by_torch(logits, height, width):
    return F.interpolate(logits[:, None], size=(height, width), mode="bilinear", align_corners=False, antialias=True)[
        :, 0
    ]


def encoded_at(logits, height, width):
    return encode_logits(logits, mask_boxes(logits > 0), height, width)


def final(logits, height, width):
    """bool [N, H, W], as encoded."""
    decoded = coco_mask.decode(encoded_at(logits, height, width).rles)
    return torch.from_numpy(decoded).permute(2, 0, 1).bool()


# Width from 2: torch 2.13 repeats the first row when it antialiases to a width of 1 on a CPU.
@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 90), st.integers(2, 90), st.floats(-1, 2))
def test_final_masks_are_the_whole_image_resized(seed, height, width, level):
    logits = blobs(3, 32, seed, level)
    resized = resized_by_torch(logits, height, width)
    decided = resized.abs() > 1e-5  # rounding may decide a pixel that lies on the border itself
    assert torch.equal(final(logits, height, width) & decided, (resized > 0) & decided)


@pytest.mark.parametrize("size", [(480, 640), (200, 150), (256, 256)])
def test_final_masks_at_real_sizes(size):
    logits = blobs(5, 256, seed=3)
    resized = resized_by_torch(logits, *size)
    decided = resized.abs() > 1e-5
    assert decided.float().mean() > 0.999
    assert torch.equal(final(logits, *size) & decided, (resized > 0) & decided)


def test_single_positive_logit_in_every_corner():
    logits = torch.full((4, 16, 16), -1.0)
    for i, (y, x) in enumerate([(0, 0), (0, 15), (15, 0), (15, 15)]):
        logits[i, y, x] = 5.0
    assert torch.equal(final(logits, 50, 40), resized_by_torch(logits, 50, 40) > 0)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 6), st.integers(1, 40), st.integers(2, 40), st.floats(0, 1))
def test_strings_boxes_and_areas_are_those_of_pycocotools(seed, count, height, width, share):
    """Noise, and so many runs that end at a border of the image and go on in the next column."""
    noise = torch.rand(count, 8, 8, generator=torch.Generator().manual_seed(seed))
    logits = torch.where(noise < share, 1.0, -0.4)
    encoded = encoded_at(logits, height, width)
    expected = encode_masks(final(logits, height, width)) if count else []
    assert encoded.rles == expected
    assert torch.equal(encoded.boxes, rle_boxes(expected))
    assert torch.equal(encoded.areas, rle_areas(expected))


def test_vanished_and_empty_masks_keep_their_place():
    logits = torch.full((3, 64, 64), -10.0)
    logits[0, 5, 5] = 0.1  # vanishes: its neighbours outvote it when the image is smaller than the grid
    logits[2, 20:40, 12:32] = 10.0
    encoded = encoded_at(logits, 16, 16)
    assert encoded.areas.tolist() == [0, 0, 25]
    assert encoded.boxes[:2].tolist() == [[0, 0, 0, 0]] * 2
    assert coco_mask.decode(encoded.rles[0]).sum() == 0


def test_more_than_255_masks():
    logits = torch.full((300, 8, 8), -1.0)
    logits[torch.arange(300), torch.arange(300) % 8, torch.arange(300) % 7] = 9.0
    encoded = encoded_at(logits, 8, 8)
    assert encoded.areas.tolist() == [1] * 300
    assert encoded.boxes[10].tolist() == [3, 2, 3, 2]


@pytest.mark.parametrize("column_major", [True, False])
def test_encode_masks_round_trips_from_either_layout(column_major):
    masks = torch.rand(4, 9, 5, generator=torch.Generator().manual_seed(5)) < 0.4
    if column_major:
        masks = masks.transpose(1, 2).contiguous().transpose(1, 2)
    encoded = encode_masks(masks)
    assert json.loads(json.dumps(encoded)) == encoded
    assert encoded[0]["size"] == [9, 5]
    decoded = torch.from_numpy(coco_mask.decode(encoded)).permute(2, 0, 1).bool()
    assert torch.equal(decoded, masks)


def test_no_masks():
    encoded = encoded_at(torch.zeros(0, 16, 16), 30, 40)
    assert encoded.rles == []
    assert encoded.boxes.shape == (0, 4)
    assert encoded.areas.shape == (0,)


def test_the_boxes_that_are_given_are_not_computed_again(monkeypatch):
    logits = blobs(4, 64, seed=6)
    boxes = mask_boxes(logits > 0)
    expected = encode_logits(logits, boxes, 48, 64)

    def again(_):
        pytest.fail("the boxes are known")

    monkeypatch.setattr("ntt.masks.boxes.mask_boxes", again)
    monkeypatch.setattr("ntt.masks.windowed.mask_boxes", again, raising=False)
    assert encode_logits(logits, boxes, 48, 64).rles == expected.rles
    # And they alone decide where is looked: of a mask that lies outside its box nothing is found.
    assert encode_logits(logits, torch.zeros_like(boxes), 48, 64).areas.sum() < expected.areas.sum()
