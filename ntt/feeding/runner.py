"""Shards of many images through the networks: load -> encode -> decode -> postprocess -> write, each beside the others.

The calling thread drives the networks and nothing else. Ahead of it threads read and resize the next images; behind it
others postprocess what the networks gave; one more writes finished shards, another fetches further ones. All queues are
bounded, so memory is, and whoever is too slow makes the one before wait.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from ntt.data.images import UnreadableImage
from ntt.errors import NotFinite
from ntt.feeding.batches import ImageBatches
from ntt.feeding.device_queue import Queued, queued, when_ready
from ntt.feeding.threads import Usage, WorkerThreads
from ntt.proposals.networks import network_input

_PATIENCE = 0.2  # seconds between looks for shards that other processes may leave to us
_END = object()
_UNWRITTEN = 2  # shards that wait to be written or are; more would only be lost with the process


class Networks(Protocol):
    """The device's work on images: :class:`ntt.proposals.networks.MasksAndVectors` or ``VectorsOfStoredMasks``."""

    def encode(self, images: Tensor, /) -> Any:
        """uint8 [B, S, S, 3], on the device -> B encoded images."""

    def decode(self, encoded: Any, index: int, grid_masks: Tensor | None, /) -> Any:
        """One of the encoded images, and the masks that are known of it -> a named tuple of tensors, on the device."""

    def postprocess(self, decoded: Any, height: int, width: int, /) -> Any:
        """These tensors and the image's size -> what is stored. Called by other threads.

        Raises FloatingPointError with the network's name where its numbers are not finite.
        """


class ImageShard(Protocol):
    """Images whose results are written together."""

    def __len__(self) -> int:
        """How many."""

    def load(self, index: int) -> np.ndarray:
        """uint8 [H, W, 3]; called by several threads. Raises UnreadableImage."""

    def name(self, index: int) -> str:
        """Of an image, for messages."""

    def grid_masks(self, index: int) -> Tensor | None:
        """bool [N, m, m] where masks of the image are known already, else None; called by several threads."""

    def write(self, results: list[Any], unreadable: dict[int, str]) -> None:
        """Keep the result of each image, None where it is unreadable, and why; called once, by a thread of its own."""


class _Loaded(NamedTuple):
    """An image, ready for the networks: its size in pixels and uint8 [S, S, 3]; or why it cannot be read."""

    height: int
    width: int
    squared: Tensor | None
    grid_masks: Tensor | None = None
    reason: str = ""


@dataclass
class _ShardInWork:
    """A shard on its way: the results of its images by their index, and why some have none."""

    shard: ImageShard
    results: dict[int, Future[Any]] = field(default_factory=dict)
    unreadable: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _ImageAhead:
    """An image that is being loaded, and its place in its shard."""

    shard: _ShardInWork
    index: int
    loaded: Future[_Loaded]


class Runner:
    """Passes shards through the networks as they come.

    Args:
        networks: gives the networks when the first shard is there; until then nothing is loaded.
        device: where they are.
        image_size: side S of their input.
        batches: how many images are encoded at once.
        threads: that work beside the networks.
        advance: told of every image that is done; called in the thread that calls :meth:`run`.
    """

    def __init__(
        self,
        networks: Callable[[], Networks],
        device: torch.device,
        image_size: int,
        batches: ImageBatches,
        threads: WorkerThreads,
        advance: Callable[[], Any] = lambda: None,
    ) -> None:
        self._load_networks = networks
        self._device = device
        self._image_size = image_size
        self._batches = batches
        self._threads = threads
        self._advance = advance
        self._usage = Usage()
        self._ahead: deque[_ImageAhead] = deque()
        self._behind: set[Future[Any]] = set()
        self._writing: set[Future[None]] = set()
        self._not_loaded: deque[tuple[_ShardInWork, int]] = deque()
        self._coming: Future[Any] | None = None  # a shard, None or _END
        self._over = False

    def run(self, shards: Iterable[ImageShard | None]) -> Usage:
        """Compute and write the results of all shards; may be called once.

        An exception of any thread ends all of them and is raised here as it is; NotFinite where a network's numbers are
        not. So is a KeyboardInterrupt: what is
        being done in other threads is finished first, what waits there is dropped.

        Args:
            shards: in a thread of its own, asked for the next when there is room. None means that there may be more
                later.

        Returns:
            What this thread, which drives the networks, did.
        """
        own_threads = torch.get_num_threads()
        # Threads that share a step's arithmetic among more of them would only be in the networks' way.
        self._decoders = ThreadPoolExecutor(self._threads.decoders, "decode", torch.set_num_threads, (1,))
        self._postprocessors = ThreadPoolExecutor(
            self._threads.postprocessors, "postprocess", torch.set_num_threads, (1,)
        )
        self._writer = ThreadPoolExecutor(1, "write")
        self._fetcher = ThreadPoolExecutor(1, "fetch")
        try:
            self._drive(iter(shards))
        finally:
            # Postprocessors before the writer, which waits for them.
            for threads in (self._decoders, self._postprocessors, self._writer, self._fetcher):
                threads.shutdown(wait=True, cancel_futures=True)
            torch.set_num_threads(own_threads)  # what a thread sets for itself also becomes the next threads' default
        return self._usage

    def _drive(self, shards: Iterator[ImageShard | None]) -> None:
        networks: Networks | None = None
        while True:
            with self._usage.of("input"):
                self._load_ahead(shards)
            batch = self._next_batch()
            if batch:
                networks = networks or self._load_networks()
                with self._usage.of("input"):
                    self._load_ahead(shards)
                self._compute(batch, networks)
            elif self._over and not self._behind and not self._writing:
                return
            elif self._behind or self._writing:
                with self._usage.of("postprocessing"):
                    busy: set[Future[Any]] = {*self._behind, *self._writing}
                    wait(busy, timeout=_PATIENCE, return_when=FIRST_COMPLETED)
            else:
                with self._usage.of("others"):
                    time.sleep(_PATIENCE)
            self._collect()

    def _load_ahead(self, shards: Iterator[ImageShard | None]) -> None:
        """Have images loaded until enough are; waits for the next shard only where there is nothing else to do."""
        while len(self._ahead) < self._threads.ahead:
            if self._not_loaded:
                shard, index = self._not_loaded.popleft()
                self._ahead.append(_ImageAhead(shard, index, self._decoders.submit(self._load, shard.shard, index)))
                continue
            if self._over:
                return
            self._coming = self._coming or self._fetcher.submit(next, shards, _END)
            if self._ahead and not self._coming.done():
                return
            answer, self._coming = self._coming.result(), None
            self._over = answer is _END
            if answer is None or self._over:
                return
            shard = _ShardInWork(answer)
            self._not_loaded.extend((shard, index) for index in range(len(answer)))

    def _load(self, shard: ImageShard, index: int) -> _Loaded:
        try:
            image = shard.load(index)
        except UnreadableImage as error:
            return _Loaded(0, 0, None, reason=error.reason)
        squared, grid_masks = network_input(image, self._image_size), shard.grid_masks(index)
        if self._device.type == "cuda":
            squared = squared.pin_memory()
            grid_masks = None if grid_masks is None else grid_masks.pin_memory()
        return _Loaded(image.shape[0], image.shape[1], squared, grid_masks)

    def _next_batch(self) -> list[_ImageAhead]:
        """Cut by an image's place in its shard alone: whoever makes a shard, and whenever, encodes the same batches."""
        batch: list[_ImageAhead] = []
        while self._ahead and (not batch or self._are_together(batch[0], self._ahead[0])):
            batch.append(self._ahead.popleft())
        return batch

    def _are_together(self, one: _ImageAhead, other: _ImageAhead) -> bool:
        return one.shard is other.shard and one.index // self._batches.size == other.index // self._batches.size

    def _compute(self, batch: list[_ImageAhead], networks: Networks) -> None:
        shard = batch[0].shard
        with self._usage.of("input"):
            loaded = [image.loaded.result() for image in batch]
        readable: list[tuple[int, _Loaded]] = []
        for image, found in zip(batch, loaded, strict=True):
            if found.squared is None:
                shard.unreadable[image.index] = found.reason
                self._done()
            else:
                readable.append((image.index, found))
        inputs = [found.squared for _, found in readable if found.squared is not None]
        encoded = self._batches.map(networks.encode, inputs)
        for index, found in readable:
            with self._usage.of("postprocessing"):
                self._make_room(self._behind, self._threads.behind)
            name = shard.shard.name(index)
            shard.results[index] = self._decode_one(encoded, found, networks, name)
            self._behind.add(shard.results[index])
            self._collect()
        if batch[-1].index == len(shard.shard) - 1:
            with self._usage.of("postprocessing"):
                self._make_room(self._writing, _UNWRITTEN)
            self._writing.add(self._writer.submit(_write, shard))

    def _decode_one(
        self, encoded: Iterator[tuple[Any, int]], found: _Loaded, networks: Networks, name: str
    ) -> Future[Any]:
        # A function of its own: its variables would keep the last image's masks while the next ones are made.
        with self._usage.of("networks"):
            images, place = next(encoded)
            waiting = queued(networks.decode(images, place, found.grid_masks))
        return self._postprocessors.submit(_postprocess, networks, waiting, found.height, found.width, name)

    def _make_room(self, busy: set[Future[Any]], limit: int) -> None:
        while len(busy) >= limit:
            wait(busy, return_when=FIRST_COMPLETED)
            self._collect()

    def _collect(self) -> None:
        """Notice what the threads behind have done; raises what they raised."""
        for result in [future for future in self._behind if future.done()]:
            self._behind.remove(result)
            result.result()
            self._done()
        for written in [future for future in self._writing if future.done()]:
            self._writing.remove(written)
            written.result()

    def _done(self) -> None:
        self._usage.images += 1
        self._advance()


def _postprocess(networks: Networks, waiting: Queued[Any], height: int, width: int, name: str) -> Any:
    try:
        return when_ready(waiting, lambda decoded: networks.postprocess(decoded, height, width))
    except FloatingPointError as error:
        raise NotFinite(str(error), name) from error


def _write(work: _ShardInWork) -> None:
    results = [work.results[index].result() if index in work.results else None for index in range(len(work.shard))]
    work.shard.write(results, work.unreadable)
