"""Both networks on a GPU against the same networks in float32 on the CPU, and against themselves."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from ntt.bench.networks import Networks, random_networks
from ntt.bench.scenes import made_up_images
from ntt.proposals.networks import network_input, unit_range
from ntt.run import conf_folder

pytestmark = pytest.mark.gpu

# Largest relative difference of features, and least mean IoU of masks: random weights give masks of noise, whose
# pixels lie nearer to zero than any trained network's.
CLOSE = {"fp32": (1e-4, 0.999), "exact": (1e-4, 0.999), "bf16": (6e-2, 0.9), "fp16": (1e-2, 0.97)}


@dataclass(frozen=True)
class Outputs:
    """Of one image: features [P, D], predicted IoUs [N] and which pixels [N, 256, 256] are above 0."""

    features: Tensor
    predicted_iou: Tensor
    masks: Tensor


def outputs(networks: Networks, device: torch.device) -> Outputs:
    image = unit_range(network_input(made_up_images(1)[0], networks.segmenter.image_size).unsqueeze(0))
    side = (networks.backbone.image_size,) * 2
    small = torch.nn.functional.interpolate(image, side, mode="bicubic", align_corners=False)
    segmenter = networks.segmenter
    segmenter.iou_threshold = -float("inf")  # all prompts are kept, so that rows are pairs
    features = networks.backbone(small.to(device))[0]
    raw = segmenter.propose(segmenter.encode(image.to(device))[0], segmenter.grid)
    return Outputs(features.float().cpu(), raw.predicted_iou.float().cpu(), raw.logits.cpu() > 0)


def build(device: torch.device, precision: str, rehearsal: bool) -> Networks:
    names = ("dinov2_demo", "sam2_demo") if rehearsal else ("dinov2_vits14", "sam2_hiera_tiny")
    return random_networks(conf_folder(), *names, 6, device, precision)


@pytest.fixture(scope="module")
def on_the_cpu(device: torch.device, rehearsal: bool) -> Outputs:
    del device  # skips where there is none
    cpu = torch.device("cpu")
    return outputs(build(cpu, "fp32", rehearsal), cpu)


@pytest.mark.parametrize("precision", list(CLOSE))
def test_outputs_are_those_of_the_cpu(
    precision: str, device: torch.device, rehearsal: bool, on_the_cpu: Outputs
) -> None:
    found = outputs(build(device, precision, rehearsal), device)

    assert found.features.isfinite().all()
    assert found.predicted_iou.isfinite().all()
    difference, least = CLOSE[precision]
    scale = on_the_cpu.features.abs().max()
    assert float((found.features - on_the_cpu.features).abs().max() / scale) <= difference
    assert mean_best_iou(on_the_cpu.masks, found.masks) >= least


def mean_best_iou(some: Tensor, others: Tensor) -> float:
    """Of bool [N, h, w] and [M, h, w]; a mask at the edge of being empty is kept on one side only."""
    a, b = some.flatten(1).float(), others.flatten(1).float()
    shared = a @ b.T
    return float((shared / (a.sum(1, keepdim=True) + b.sum(1) - shared)).amax(1).mean())


def test_two_exact_runs_are_equal_to_the_bit(device: torch.device, rehearsal: bool) -> None:
    first, second = (outputs(build(device, "exact", rehearsal), device) for _ in range(2))

    assert torch.equal(first.features, second.features)
    assert torch.equal(first.predicted_iou, second.predicted_iou)
    assert torch.equal(first.masks, second.masks)
