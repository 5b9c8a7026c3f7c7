"""Final masks, encodings and overlaps computed on a GPU against the host's way."""

from __future__ import annotations

import pytest
import torch
from pycocotools import mask as coco_mask

from ntt.bench.scenes import disc_logits
from ntt.masks.boxes import mask_boxes
from ntt.masks.final import encode_final

pytestmark = pytest.mark.gpu


@pytest.mark.parametrize(("height", "width"), [(480, 640), (333, 501), (1080, 1920)])
def test_dense_packing_gives_the_hosts_masks(height: int, width: int, device: torch.device, rehearsal: bool) -> None:
    if rehearsal:
        height, width = height // 8, width // 8
    logits = disc_logits(20 if rehearsal else 200, 64 if rehearsal else 256)

    boxes = mask_boxes(logits > 0)
    on_host, overlaps = encode_final(logits, boxes, height, width, whole_image=False)
    dense, dense_overlaps = encode_final(logits.to(device), boxes.to(device), height, width, whole_image=True)

    # Pixels that rounding decides may differ: a handful, by float32 sums in another order.
    differing = sum(
        int((coco_mask.decode(a) != coco_mask.decode(b)).sum()) for a, b in zip(on_host.rles, dense.rles, strict=True)
    )
    assert differing <= 1e-6 * len(logits) * height * width
    if differing == 0:
        assert torch.equal(on_host.boxes, dense.boxes)
        assert torch.equal(overlaps.intersections, dense_overlaps.intersections)
