"""SAM 2 and 2.1 as a proposer of class-agnostic masks, with Meta's original weights."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ntt.compute.devices import place
from ntt.compute.precision import arithmetic, check_precision
from ntt.errors import InputError
from ntt.networks.checkpoints import check_keys, read_checkpoint
from ntt.networks.normalisation import normalise
from ntt.segmenters.adaptive import Cover, propose_adaptively
from ntt.segmenters.decoding import PUBLISHED_BATCH, Embedding, RawProposals, decode_points, decode_single_masks
from ntt.segmenters.points import on_coarse_grid, point_grid
from ntt.segmenters.prompt_decoder import PromptDecoder
from ntt.segmenters.resemblance import resembling_points
from ntt.segmenters.sam2_network import build_network
from ntt.segmenters.still_images import adds_no_mem_embed
from ntt.store.hashing import file_sha256

_WEIGHTS_KEY = "segmenter.weights"
_DECODERS = ("fast", "plain")
_PROMPTS = ("grid", "adaptive")


class Sam2:
    """A frozen SAM 2: ``encode`` images once, then ``propose`` masks from point prompts.

    Args:
        weights: Meta's ``.pt`` file, or a ``.safetensors`` file with the same names.
        url: where ``weights`` can be downloaded, for the message when it is missing; None where it cannot.
        name: how this segmenter is called in messages.
        architecture: a YAML file of the ``sam2`` package (``configs/sam2/sam2_hiera_l.yaml``), or a path.
        overrides: merged into that file's ``model`` node, to describe small networks of its architecture.
        image_size: side S of the input in pixels, a multiple of 32.
        points_per_side: the point prompts of ``grid`` form a square of this many points per side.
        iou_threshold: a mask is kept when its predicted IoU is above this.
        prompt_batch: prompts decoded together, None for what suits the device; bounds the memory, not the result.
        decoder: "fast", or "plain" for the library's own, which gives the same masks.
        prompts: "grid" to prompt every point that ``propose`` is given, or "adaptive" (:mod:`ntt.segmenters.adaptive`).
        cover_iou: adaptive only: points are left out inside a coarse point's mask of a predicted IoU above this ...
        cover_area: ... that covers at most this share of the image.
        no_mem_embed: whether SAM 2's vector for "no earlier frames" is added to an image's embedding, as in its
            training; None for what the description with ``overrides`` says.
        resemblance: adaptive only: the share of the grid that ``points_like`` chooses; None where it is not asked.
        device: where the network runs.
        precision: its arithmetic: "exact", "fp32", "tf32", "bf16" or "fp16"; see :mod:`ntt.compute.precision`.
        channels_last: whether the image encoder's convolutions keep the channels of a pixel side by side.
        compile: whether ``torch.compile`` compiles the image encoder at first use, and on a GPU the prompt decoder.

    Attributes:
        mask_size: side of the mask grid, S/4.
        grid: float32 ``[points_per_side ** 2, 2]``, (x, y) in pixels of the input, x outermost.
        no_mem_embed: whether ``encode`` adds it.
        cover: which masks spare points a prompt; None when every point is prompted.

    Raises:
        InputError: the weights are missing, unreadable or those of another network; precision or
            architecture is unknown.
    """

    KIND = "sam2"  # in the store's keys, in place of the class and its module

    def __init__(
        self,
        weights: str | Path,
        url: str | None,
        name: str,
        architecture: str,
        overrides: Mapping[str, Any] | None = None,
        image_size: int = 1024,
        points_per_side: int = 32,
        iou_threshold: float = 0.4,
        prompt_batch: int | None = None,
        decoder: str = "fast",
        prompts: str = "grid",
        cover_iou: float = 0.8,
        cover_area: float = 0.25,
        resemblance: float | None = None,
        no_mem_embed: bool | None = None,
        device: str | torch.device = "cpu",
        precision: str = "fp32",
        channels_last: bool = False,
        compile: bool = False,
    ) -> None:
        check_precision(precision)
        if decoder not in _DECODERS:
            raise InputError(f"segmenter.decoder={decoder} is unknown; choose one of {', '.join(_DECODERS)}")
        if prompts not in _PROMPTS:
            raise InputError(f"proposals.prompts={prompts} is unknown; choose one of {', '.join(_PROMPTS)}")
        self.name = name
        self.weights = Path(weights)
        self.image_size = image_size
        self.mask_size = image_size // 4
        self.grid = point_grid(points_per_side, image_size)
        self.iou_threshold = iou_threshold
        self.prompt_batch = prompt_batch
        self.decoder = decoder
        self.cover = Cover(cover_iou, cover_area) if prompts == "adaptive" else None
        self.resemblance = resemblance
        self.device = torch.device(device)
        self._precision = precision
        no_mem_embed = adds_no_mem_embed(no_mem_embed, overrides or {})
        # Not on a CPU, where cores decode batches of their own, each with a number of threads to compile for.
        self._compile_prompts = compile and self.device.type != "cpu"
        # Before the network is built: that takes seconds, noticing a missing file none.
        tensors = read_checkpoint(self.weights, _WEIGHTS_KEY, url)
        network = build_network(architecture, overrides or {}, image_size)
        check_keys(self.weights, {key: tuple(t.shape) for key, t in network.state_dict().items()}, tensors)
        network.load_state_dict(tensors)
        self.no_mem_embed = network.directly_add_no_mem_embed if no_mem_embed is None else no_mem_embed
        self.network = place(network.requires_grad_(False), self.device)
        place(network.image_encoder, self.device, channels_last, compile)

    @cached_property
    def weights_sha256(self) -> str:
        """Hex sha256 of the weights file: the network's identity in fingerprints."""
        return file_sha256(self.weights)

    @torch.no_grad()
    def encode(self, images: Tensor) -> Embedding:
        """Embed images that are already resized to the input size.

        Args:
            images: ``[B, 3, S, S]``, RGB in [0, 1]; normalised here with ImageNet's mean and deviation.
        """
        if images.ndim != 4 or images.shape[1:] != (3, self.image_size, self.image_size):
            wanted = f"[B, 3, {self.image_size}, {self.image_size}]"
            raise ValueError(f"{self.name} takes images of shape {wanted}, not {list(images.shape)}")
        normalised = normalise(images.to(self.device, torch.float32))
        with arithmetic(self.device, self._precision):
            levels = self.network.forward_image(normalised)["backbone_fpn"]  # finest first
        *high_res, image_embed = levels[-self.network.num_feature_levels :]
        if self.no_mem_embed:
            image_embed = image_embed + self.network.no_mem_embed.view(1, -1, 1, 1)
        return Embedding(image_embed, high_res)

    def propose(self, embedding: Embedding, points: Tensor) -> RawProposals:
        """Masks of one image, at most one per point, in the points' order (docs/method.md, sections 4.3 and 4.4).

        With adaptive prompting some of these only, those of the coarse points first.

        Args:
            embedding: of one image: ``encode(images)[index]``.
            points: ``[P, 2]``, (x, y) in pixels of the input; with adaptive prompting some of ``grid``.
        """
        if self.cover is None:
            return self.decode(embedding, points)
        coarse = on_coarse_grid(points, self.grid)
        return propose_adaptively(
            lambda some: self.decode(embedding, some), points, coarse, self.image_size, self.cover
        )

    def decode(self, embedding: Embedding, points: Tensor) -> RawProposals:
        """What ``propose`` does when every point is prompted."""
        with arithmetic(self.device, self._precision):
            if self.decoder == "plain":
                batch = self.prompt_batch or PUBLISHED_BATCH
                return decode_points(self.network, embedding, points, self.iou_threshold, batch)
            return self._prompt_decoder.propose(embedding, points, self.iou_threshold)

    def segment(self, embedding: Embedding, prompts: Tensor) -> RawProposals:
        """Exactly one mask per prompt that names one object, such as its box or a click; it may be empty.

        Args:
            embedding: of one image: ``encode(images)[index]``.
            prompts: ``[P, K, 3]`` of :mod:`ntt.segmenters.prompts`, in pixels of the input.
        """
        with arithmetic(self.device, self._precision):
            if self.decoder == "plain":
                return decode_single_masks(self.network, embedding, prompts, self.prompt_batch or PUBLISHED_BATCH)
            return self._prompt_decoder.segment(embedding, prompts)

    def alternatives(self, embedding: Embedding, prompts: Tensor) -> RawProposals:
        """The three masks of each prompt that a person may choose from, 3 P in all.

        Args:
            embedding: of one image: ``encode(images)[index]``.
            prompts: ``[P, K, 3]`` of :mod:`ntt.segmenters.prompts`, in pixels of the input.
        """
        with arithmetic(self.device, self._precision):
            return self._prompt_decoder.alternatives(embedding, prompts)

    def points_like(self, prototypes: Tensor, features: Tensor) -> Tensor:
        """The coarse points of ``grid`` and those where the image most resembles a reference, to ``propose`` from.

        Args:
            prototypes: ``[C, D]`` of the memory, L2-normalised.
            features: ``[g * g, D]``, the image's patches.
        """
        if self.resemblance is None:
            raise ValueError(f"{self.name} was not told which share of its points should resemble a reference")
        return resembling_points(self.grid, self.image_size, features, prototypes, self.resemblance)

    @cached_property
    def _prompt_decoder(self) -> PromptDecoder:
        kind = self.device.type
        with arithmetic(self.device, self._precision):
            dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else torch.float32
        compiler = partial(torch.compile, dynamic=False) if self._compile_prompts else None
        return PromptDecoder(self.network, dtype, self.prompt_batch, compiler)
