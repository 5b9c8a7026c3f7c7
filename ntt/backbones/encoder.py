"""What all encoders of patch features share: options, weights, arithmetic and the shape of the answer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor, nn

from ntt.backbones.architecture import Architecture
from ntt.backbones.checkpoint_files import check_config, locate, read_weights, weights_digest
from ntt.compute.devices import place
from ntt.compute.precision import arithmetic, check_precision
from ntt.errors import InputError
from ntt.networks.normalisation import normalise


class PatchEncoder(ABC):
    """A frozen vision transformer, with its authors' original weights or transformers'.

    Args:
        weights: Meta's ``.pth`` file, a ``.safetensors`` file with Meta's or transformers' names, a folder in
            transformers' layout, or ``hub:ID``.
        hub_id: the same weights on the Hub, for the message when none are given.
        url: where ``weights`` can be downloaded, for the message when it is missing; None where it cannot.
        name: how this backbone is called in messages.
        image_size: side S of the input in pixels, a multiple of ``patch_size``.
        patch_size: side of a patch in pixels.
        width: channels D of the features.
        depth: number of transformer blocks.
        heads: attention heads of a block.
        ffn: feed-forward network of a block, "mlp" or "swiglu".
        registers: number of register tokens.
        device: where the network runs.
        precision: its arithmetic: "exact", "fp32", "tf32", "bf16" or "fp16"; see :mod:`ntt.compute.precision`.
        compile: whether ``torch.compile`` compiles the network at its first call.

    Attributes:
        grid: patches per side, S / patch_size.
        dim: channels D of the features.

    Raises:
        InputError: the weights are missing, unreadable or those of another network; a size or the precision
            is impossible.
    """

    def __init__(
        self,
        weights: str | Path | None,
        hub_id: str | None,
        url: str | None,
        name: str,
        image_size: int,
        patch_size: int,
        width: int,
        depth: int,
        heads: int,
        ffn: str,
        registers: int,
        device: str | torch.device = "cpu",
        precision: str = "fp32",
        compile: bool = False,
    ) -> None:
        check_precision(precision)
        _require(ffn in ("mlp", "swiglu"), "backbone.ffn", ffn, "mlp, swiglu")
        _require(width % heads == 0, "backbone.heads", heads, f"a divisor of the width {width}")
        fits = image_size >= patch_size and image_size % patch_size == 0
        _require(fits, "backbone.image_size", image_size, f"a multiple of the patch size {patch_size}")
        self.name = name
        self.image_size = image_size
        self.patch_size = patch_size
        self.grid = image_size // patch_size
        self.dim = width
        self._device = torch.device(device)
        self._precision = precision
        self._path = locate(weights, hub_id, url)
        architecture = Architecture(width, depth, heads, ffn, registers, patch_size)
        tensors = read_weights(self._path, url)
        check_config(self._path, architecture)
        self._network = place(self._load(architecture, tensors, self._path), self._device, compile=compile)
        self._dropped = 1 + registers

    @abstractmethod
    def _load(self, architecture: Architecture, tensors: dict[str, Tensor], origin: Path) -> nn.Module:
        """The network with the weights ``tensors``, in eval mode; its answer has a ``last_hidden_state``."""

    @cached_property
    def weights_sha256(self) -> str:
        """Hex sha256 of the checkpoint file; of a sharded folder, of its shards' digests in order."""
        return weights_digest(self._path)

    def __call__(self, images: Tensor) -> Tensor:
        """Encode images: the last block's patch tokens after the final normalisation (docs/method.md, section 2.4).

        Args:
            images: float ``[B, 3, S, S]``, RGB in [0, 1], on any device.

        Returns:
            float32 ``[B, grid * grid, D]`` on the encoder's device, patches row by row; class and register
            tokens are dropped.
        """
        if images.ndim != 4 or images.shape[1:] != (3, self.image_size, self.image_size):
            wanted = f"[B, 3, {self.image_size}, {self.image_size}]"
            raise ValueError(f"{self.name} takes images of shape {wanted}, not {list(images.shape)}")
        with torch.inference_mode(), arithmetic(self._device, self._precision):
            normalised = normalise(images.to(self._device, torch.float32))
            tokens = self._network(normalised).last_hidden_state  # [B, 1 + registers + grid * grid, D]
        # Copied outside inference mode: callers get an ordinary tensor, without the dropped tokens behind it.
        return tokens[:, self._dropped :].to(torch.float32, copy=True)


def _require(condition: bool, key: str, value: object, allowed: str) -> None:
    if not condition:
        raise InputError(f"{key}={value} is not possible; give one of: {allowed}")
