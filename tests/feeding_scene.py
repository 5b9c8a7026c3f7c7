"""Small networks and random pictures that the runner is tried with."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ntt.data.images import UnreadableImage
from ntt.feeding.batches import ImageBatches
from ntt.feeding.runner import ImageShard, Runner
from ntt.feeding.threads import Usage, WorkerThreads
from ntt.masks.compressed import decompress_masks
from ntt.proposals.image_proposals import ImageMasks
from ntt.proposals.networks import MasksAndVectors, NewProposals
from ntt.proposals.stored_form import digest_of, masks_to_tensors, vectors_to_tensors
from ntt.segmenters.decoding import Embedding, RawProposals

CPU = torch.device("cpu")
MANY = WorkerThreads(decoders=3, ahead=6, postprocessors=3, behind=4)
SIDE = 32


class Averages:
    """An encoder whose features are mean colours."""

    image_size = 16
    grid = 4

    def __call__(self, images: Tensor) -> Tensor:
        return F.adaptive_avg_pool2d(images, 4).flatten(2).transpose(1, 2)


class Thresholds:
    """A segmenter whose masks are what is brighter than the prompts' x; counts what it sees."""

    image_size = SIDE
    grid = torch.tensor([[0.2, 0.0], [0.4, 0.0], [0.6, 0.0], [2.0, 0.0]])

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.disturbance: Callable[[], None] = lambda: None

    def encode(self, images: Tensor) -> Embedding:
        self.batches.append(len(images))
        return Embedding(images, [])

    def propose(self, embedding: Embedding, points: Tensor) -> RawProposals:
        self.disturbance()
        grey = F.adaptive_avg_pool2d(embedding.only().image_embed.mean(1), 8)  # [1, 8, 8]
        logits = grey - points[:, 0, None, None]
        kept = (logits > 0).flatten(1).any(1)
        return RawProposals(logits[kept], points[kept, 0])


class Pictures:
    """A shard of random pictures, and what was written of it."""

    def __init__(
        self, seed: int, count: int, unreadable: tuple[int, ...] = (), known: list[NewProposals] | None = None
    ) -> None:
        random = np.random.default_rng(seed)
        self.pictures = [random.integers(0, 256, (20 + i, 30, 3), dtype=np.uint8) for i in range(count)]
        self.unreadable = unreadable
        self.loaded = 0
        self.known = known
        self.written: list[Any] | None = None
        self.reasons: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self.pictures)

    def load(self, index: int) -> np.ndarray:
        self.loaded += 1
        if index in self.unreadable:
            raise UnreadableImage(Path(f"{index}.png"), "torn")
        time.sleep(0.002 * (index % 3))  # later ones are ready earlier
        return self.pictures[index]

    def name(self, index: int) -> str:
        return f"{index}.png"

    def grid_masks(self, index: int) -> Tensor | None:
        return decompress_masks(self.known[index].grid_masks) if self.known else None

    def write(self, results: list[Any], unreadable: dict[int, str]) -> None:
        assert self.written is None
        self.written, self.reasons = results, unreadable


def run(
    shards: list[ImageShard | None],
    segmenter: Thresholds | None = None,
    at_once: int = 1,
    threads: WorkerThreads = MANY,
    advance: Callable[[], object] = lambda: None,
    networks: Any = None,
) -> Usage:
    networks = networks or MasksAndVectors(Averages(), segmenter or Thresholds(), torch.float16)
    return Runner(lambda: networks, CPU, SIDE, ImageBatches(CPU, at_once, SIDE), threads, advance).run(shards)


def tensors_of(masks: list[ImageMasks], vectors: list[Tensor]) -> dict[str, Tensor]:
    """All that is stored of a shard's masks and vectors."""
    return {**masks_to_tensors(masks, digest_of([])), **vectors_to_tensors(vectors, digest_of([]))}


def own_threads() -> list[str]:
    names = ("decode", "postprocess", "write", "fetch")
    return [thread.name for thread in threading.enumerate() if thread.name.startswith(names)]
