"""Networks of any released size with random weights, loaded as real checkpoints are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from hydra.utils import get_class
from omegaconf import OmegaConf
from safetensors.torch import save_file
from torch import Tensor

from ntt.backbones.architecture import Architecture
from ntt.backbones.dinov2 import Dinov2
from ntt.backbones.dinov2_network import Network, empty_network, load_network
from ntt.composition.choices import read_choice
from ntt.compute.devices import place
from ntt.errors import InputError
from ntt.segmenters.sam2 import Sam2
from ntt.segmenters.sam2_network import build_network


@dataclass(frozen=True)
class Networks:
    """The same two networks, ours and plain.

    Attributes:
        backbone: ours.
        plain_backbone: transformers' network in float32, whose attention maps are formed.
        segmenter: ours.
        plain_segmenter: float32, the library's decoder in the published batches; shares the weights of ``segmenter``.
    """

    backbone: Dinov2
    plain_backbone: Network
    segmenter: Sam2
    plain_segmenter: Sam2


def random_networks(
    conf: Path, backbone: str, segmenter: str, points_per_side: int, device: torch.device, precision: str
) -> Networks:
    """Both networks with seeded random weights.

    Args:
        conf: folder of the Hydra configs.
        backbone: name of a DINOv2 in ``conf/backbone``.
        segmenter: name of a SAM 2 in ``conf/segmenter``.
        points_per_side: of the prompt grid.
        device: where they run.
        precision: of our side; see :mod:`ntt.compute.precision`.

    Raises:
        InputError: a name is unknown, or not that of a DINOv2.
    """
    encoder, proposer = _options(conf, "backbone", backbone), _options(conf, "segmenter", segmenter)
    if get_class(encoder.pop("_target_")) is not Dinov2:
        raise InputError(f"--backbone {backbone} is no DINOv2, and the plain path is DINOv2's: choose a dinov2_*")
    del proposer["_target_"]
    with TemporaryDirectory() as folder:
        encoder["weights"] = Path(folder) / "encoder.safetensors"
        shape = ("width", "depth", "heads", "ffn", "registers", "patch_size")
        architecture = Architecture(*(encoder[key] for key in shape))
        grid = encoder["image_size"] // encoder["patch_size"]
        tensors = _random_encoder(architecture, grid)
        save_file(tensors, encoder["weights"])
        ours = Dinov2(**encoder, device=device, precision=precision)
        plain = place(load_network(architecture, grid, tensors, backbone), device)
        plain.set_attn_implementation("eager")

        proposer["weights"] = Path(folder) / "segmenter.safetensors"
        proposer["points_per_side"] = points_per_side
        save_file(_random_segmenter(proposer), proposer["weights"])
        fast = Sam2(**proposer, device=device, precision=precision)
        published = Sam2(**{**proposer, "decoder": "plain", "prompt_batch": None}, device=device, precision="fp32")
    published.network = fast.network
    return Networks(ours, plain, fast, published)


def keep_a_share(segmenter: Sam2, image: Tensor, share: float) -> float:
    """The predicted IoU above which ``share`` of the prompts are kept, as trained weights and 0.4 would.

    Args:
        segmenter: with random weights; its threshold is changed.
        image: ``[1, 3, S, S]`` in [0, 1].
        share: from 0 to 1.

    Returns:
        A threshold halfway between the predicted IoUs of two prompts.
    """
    segmenter.iou_threshold = -float("inf")
    iou = segmenter.propose(segmenter.encode(image)[0], segmenter.grid).predicted_iou.sort(descending=True).values
    wanted = round(share * len(segmenter.grid))
    if wanted >= len(iou):
        return -float("inf")  # a mask without a pixel is never kept, whatever its predicted IoU
    return float(iou[max(0, wanted - 1) : wanted + 1].mean())


def _options(conf: Path, group: str, name: str) -> dict[str, Any]:
    file = conf / group / f"{name}.yaml"
    if not file.is_file():
        names = ", ".join(sorted(path.stem for path in (conf / group).glob("*.yaml")))
        raise InputError(f"--{group} {name} is unknown; choose one of {names}")
    config = read_choice(file)
    config.weights = ""  # its interpolation needs the rest of a run's config
    options = OmegaConf.to_container(config, resolve=True)
    assert isinstance(options, dict)
    return {str(key): value for key, value in options.items()}


def _random_encoder(architecture: Architecture, grid: int) -> dict[str, Tensor]:
    torch.manual_seed(0)
    shapes = {name: parameter.shape for name, parameter in empty_network(architecture, grid).named_parameters()}
    return {name: _random_parameter(name, shape) for name, shape in shapes.items()}


def _random_segmenter(options: dict[str, Any]) -> dict[str, Tensor]:
    torch.manual_seed(1)
    state = build_network(options["architecture"], options["overrides"], options["image_size"]).state_dict()
    # The random frequencies of the position encoding are as published; the rest would make all masks alike.
    return {
        name: tensor.clone() if "positional_encoding" in name else _random_parameter(name, tensor.shape)
        for name, tensor in state.items()
    }


def _random_parameter(name: str, shape: torch.Size) -> Tensor:
    """Matrices that keep the size of what they multiply; norms near the identity; small biases."""
    if len(shape) > 1:
        return torch.randn(shape) * shape[1:].numel() ** -0.5
    around = 1.0 if name.endswith(("weight", "gamma", "lambda1")) else 0.0
    return around + 0.1 * torch.randn(shape)
