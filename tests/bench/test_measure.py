from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from ntt.bench.agreement import same_detections, same_masks, same_proposals
from ntt.bench.measure import Bench, Stage, resident_bytes
from ntt.bench.networks import keep_a_share
from ntt.masks.overlaps import Overlaps
from ntt.masks.windowed import EncodedMasks
from ntt.matching.match import Detections
from ntt.segmenters.decoding import RawProposals


def test_sides_take_turns_and_the_plain_result_is_handed_on() -> None:
    bench, calls = Bench(torch.device("cpu"), rounds=2), []

    result = bench.compare(
        "stage", lambda: calls.append("plain") or 1, lambda: calls.append("ours") or 2, lambda a, b: f"{a} and {b}"
    )

    assert calls == ["plain", "ours", "plain", "ours"]
    assert result == 1
    assert bench.stages["stage"].agreement == ["1 and 2"]


def test_the_ratio_is_the_median_over_rounds_under_the_same_load() -> None:
    stage = Stage("stage")
    for plain, ours in ((4.0, 2.0), (40.0, 10.0), (3.0, 1.0)):
        stage.plain.add(plain, None)
        stage.ours.add(ours, None)

    assert stage.ratio == 3.0
    assert stage.plain.peak_bytes is None


@pytest.mark.skipif(resident_bytes("VmHWM") is None, reason="needs Linux's /proc")
def test_peak_memory_counts_what_a_side_holds_and_frees() -> None:
    bench = Bench(torch.device("cpu"), rounds=1)
    size = 64 * 2**20

    bench.compare("stage", lambda: np.ones(size, np.uint8).sum(), lambda: 0, lambda *_: "")

    stage = bench.stages["stage"]
    if stage.plain.peak_bytes is None:
        pytest.skip("this kernel does not let a process reset its peak")
    assert stage.plain.peak_bytes >= 0.9 * size
    assert stage.ours.peak_bytes is not None
    assert stage.ours.peak_bytes < size / 2


def test_proposals_that_differ_are_described() -> None:
    logits = torch.ones(2, 4, 4)
    logits[1, :2] = -1
    plain = RawProposals(logits, torch.tensor([0.9, 0.8]))
    moved = RawProposals(logits + 0.5, torch.tensor([0.9, 0.7]))
    fewer = RawProposals(logits[:1], torch.tensor([0.9]))

    assert same_proposals(plain, plain) == "same 2 masks: IoU 0.0e+00, logits 0.0e+00, pixels 0.0e+00"
    assert same_proposals(plain, moved) == "same 2 masks: IoU 1.0e-01, logits 5.0e-01, pixels 0.0e+00"
    assert same_proposals(plain, fewer) == "2 and 1 masks, mean best IoU 0.7500"


def test_masks_overlaps_and_detections_that_differ_are_counted() -> None:
    full, empty = ({"size": [2, 2], "counts": counts} for counts in ("04", "4"))
    shared = torch.tensor([[4.0, 3.0], [3.0, 4.0]])
    pair = Overlaps(torch.tensor([0]), torch.tensor([1]), torch.tensor([2], dtype=torch.int32))
    found = Detections(torch.tensor([5, 1]), torch.tensor([0, 0]), torch.tensor([0.5, 0.25]))

    masks = EncodedMasks([full, empty], torch.zeros(2, 4), torch.zeros(2))
    assert same_masks(([full, full], shared), (masks, pair)) == "2 masks, 4 pixels differ; 1 pairs, 1 differ"
    assert same_detections({5: 0.5, 1: 0.5}, found) == "same 2 detections, scores 2.5e-01"
    assert same_detections({5: 0.5, 2: 0.5}, found) == "1 common of 2 and 2 detections"


@pytest.mark.parametrize(("share", "kept"), [(0.0, 0), (0.25, 2), (1.0, 6)])
def test_the_threshold_keeps_a_share_of_the_prompts(share: float, kept: int) -> None:
    iou = torch.tensor([0.3, 0.9, 0.5, 0.1, 0.7, 0.2])  # of 8 prompts; the masks of two have no pixel
    segmenter = SimpleNamespace(
        grid=torch.zeros(8, 2),
        iou_threshold=0.4,
        encode=lambda image: [image],
        propose=lambda *_: RawProposals(torch.zeros(6, 4, 4), iou[iou > segmenter.iou_threshold]),
    )

    threshold = keep_a_share(segmenter, torch.zeros(1, 3, 8, 8), share)

    assert int((iou > threshold).sum()) == kept
