"""Proposals of many images: decode -> encode -> prompt -> pack -> write, each beside the others.

The calling thread drives the networks and nothing else. Ahead of it threads decode and resize the next images; behind
it others compute, compress and compare the final masks; one more writes finished parts, another fetches further ones.
All queues are bounded, so memory is, and whoever is too slow makes the one before wait.
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
from ntt.feeding.batches import ImageBatches
from ntt.feeding.device_queue import Handover, hand_over, take_over
from ntt.feeding.threads import Lanes, Usage
from ntt.proposals.image_proposals import ImageProposals
from ntt.proposals.networks import Seen, finish, network_input
from ntt.segmenters.decoding import Embedding

_PATIENCE = 0.2  # seconds between looks for parts that other processes may leave to us
_END = object()
_UNWRITTEN = 2  # parts that wait to be written or are; more would only be lost with the process


class Looking(Protocol):
    """What drives the device: :class:`ntt.proposals.networks.Networks`, or what stands for them."""

    def encode(self, images: Tensor) -> tuple[Embedding, Tensor]:
        """uint8 [B, S, S, 3] -> embeddings and features of B images."""

    def look(self, embedding: Embedding, features: Tensor) -> Seen:
        """One encoded image -> its proposals."""


class Part(Protocol):
    """Images whose proposals are written together."""

    def __len__(self) -> int:
        """How many."""

    def load(self, index: int) -> np.ndarray:
        """uint8 [H, W, 3]; called by several threads. Raises UnreadableImage."""

    def size(self, index: int) -> tuple[int, int]:
        """(height, width) to note for an image that cannot be read."""

    def write(self, images: list[ImageProposals], unreadable: dict[int, str]) -> None:
        """Keep the proposals of all images, and why some have none; called once, by a thread of its own."""


class _Decoded(NamedTuple):
    """An image, ready for the networks: its size in pixels and uint8 [S, S, 3]; or why it cannot be read."""

    height: int
    width: int
    squared: Tensor | None
    reason: str = ""


@dataclass
class _Open:
    """A part on its way: its images' proposals by their index, and its unreadable images."""

    part: Part
    packed: dict[int, Future[ImageProposals]] = field(default_factory=dict)
    nothing: dict[int, _Decoded] = field(default_factory=dict)


@dataclass(frozen=True)
class _Ahead:
    """An image that is being decoded, and its place in its part."""

    opened: _Open
    index: int
    decoded: Future[_Decoded]


class Runner:
    """Makes proposals of parts as they come.

    Args:
        networks: gives the networks when the first part is there; until then nothing is loaded.
        device: where they are.
        image_size: side S of the segmenter's input.
        batches: how many images they see at once.
        lanes: what is done beside them.
        vector_dtype: how precisely vectors are kept.
        advance: told of every image that is done; called in the thread that calls :meth:`run`.
    """

    def __init__(
        self,
        networks: Callable[[], Looking],
        device: torch.device,
        image_size: int,
        batches: ImageBatches,
        lanes: Lanes,
        vector_dtype: torch.dtype,
        advance: Callable[[], Any] = lambda: None,
    ) -> None:
        self._networks = networks
        self._device = device
        self._image_size = image_size
        self._batches = batches
        self._lanes = lanes
        self._vector_dtype = vector_dtype
        self._advance = advance
        self._usage = Usage()
        self._ahead: deque[_Ahead] = deque()
        self._behind: set[Future[ImageProposals]] = set()
        self._writing: set[Future[None]] = set()
        self._undecoded: deque[tuple[_Open, int]] = deque()
        self._coming: Future[Any] | None = None  # a part, None or _END
        self._over = False

    def run(self, parts: Iterable[Part | None]) -> Usage:
        """Make and write the proposals of all parts; may be called once.

        An exception of any thread ends all of them and is raised here as it is. So is a KeyboardInterrupt: what is
        being done in other threads is finished first, what waits there is dropped.

        Args:
            parts: in a thread of its own, asked for the next when there is room. None means that there may be more
                later.

        Returns:
            What the networks' thread did.
        """
        own_threads = torch.get_num_threads()
        # Threads that share a step's arithmetic among more of them would only be in the networks' way.
        self._decoders = ThreadPoolExecutor(self._lanes.decoders, "decode", torch.set_num_threads, (1,))
        self._packers = ThreadPoolExecutor(self._lanes.packers, "pack", torch.set_num_threads, (1,))
        self._writer = ThreadPoolExecutor(1, "write")
        self._fetcher = ThreadPoolExecutor(1, "fetch")
        try:
            self._drive(iter(parts))
        finally:
            # Packers before the writer, which waits for them.
            for threads in (self._decoders, self._packers, self._writer, self._fetcher):
                threads.shutdown(wait=True, cancel_futures=True)
            torch.set_num_threads(own_threads)  # what a thread sets for itself also becomes the next threads' default
        return self._usage

    def _drive(self, parts: Iterator[Part | None]) -> None:
        networks: Looking | None = None
        while True:
            with self._usage.of("input"):
                self._look_ahead(parts)
            batch = self._next_batch()
            if batch:
                networks = networks or self._networks()
                with self._usage.of("input"):
                    self._look_ahead(parts)
                self._see(batch, networks)
            elif self._over and not self._behind and not self._writing:
                return
            elif self._behind or self._writing:
                with self._usage.of("packing"):
                    threads: set[Future[Any]] = {*self._behind, *self._writing}
                    wait(threads, timeout=_PATIENCE, return_when=FIRST_COMPLETED)
            else:
                with self._usage.of("others"):
                    time.sleep(_PATIENCE)
            self._collect()

    def _look_ahead(self, parts: Iterator[Part | None]) -> None:
        """Have images decoded until enough are; waits for the next part only where there is nothing else to do."""
        while len(self._ahead) < self._lanes.ahead:
            if self._undecoded:
                opened, index = self._undecoded.popleft()
                self._ahead.append(_Ahead(opened, index, self._decoders.submit(self._decode, opened.part, index)))
                continue
            if self._over:
                return
            self._coming = self._coming or self._fetcher.submit(next, parts, _END)
            if self._ahead and not self._coming.done():
                return
            answer, self._coming = self._coming.result(), None
            self._over = answer is _END
            if answer is None or self._over:
                return
            opened = _Open(answer)
            self._undecoded.extend((opened, index) for index in range(len(answer)))

    def _decode(self, part: Part, index: int) -> _Decoded:
        try:
            image = part.load(index)
        except UnreadableImage as error:
            height, width = part.size(index)
            return _Decoded(height, width, None, error.reason)
        squared = network_input(image, self._image_size)
        height, width = image.shape[:2]
        return _Decoded(height, width, squared.pin_memory() if self._device.type == "cuda" else squared)

    def _next_batch(self) -> list[_Ahead]:
        """Cut by an image's place in its part alone: whoever makes a part, and whenever, sees the same batches."""
        batch: list[_Ahead] = []
        while self._ahead and (not batch or self._are_together(batch[0], self._ahead[0])):
            batch.append(self._ahead.popleft())
        return batch

    def _are_together(self, one: _Ahead, other: _Ahead) -> bool:
        return one.opened is other.opened and one.index // self._batches.size == other.index // self._batches.size

    def _see(self, batch: list[_Ahead], networks: Looking) -> None:
        opened = batch[0].opened
        with self._usage.of("input"):
            decoded = [image.decoded.result() for image in batch]
        readable: list[tuple[int, _Decoded]] = []
        for image, found in zip(batch, decoded, strict=True):
            if found.squared is None:
                opened.nothing[image.index] = found
                self._done()
            else:
                readable.append((image.index, found))
        inputs = [found.squared for _, found in readable if found.squared is not None]
        encoded = self._batches.map(networks.encode, inputs)
        for index, found in readable:
            with self._usage.of("packing"):
                self._make_room(self._behind, self._lanes.behind)
            opened.packed[index] = self._look_at_one(encoded, found, networks)
            self._behind.add(opened.packed[index])
            self._collect()
        if batch[-1].index == len(opened.part) - 1:
            with self._usage.of("packing"):
                self._make_room(self._writing, _UNWRITTEN)
            self._writing.add(self._writer.submit(_write, opened))

    def _look_at_one(
        self, encoded: Iterator[tuple[tuple[Embedding, Tensor], int]], found: _Decoded, networks: Looking
    ) -> Future[ImageProposals]:
        # A function of its own: its variables would keep the last image's masks while the next ones are made.
        with self._usage.of("networks"):
            (embedding, features), place = next(encoded)
            handover = hand_over(networks.look(embedding[place], features[place]))
        return self._packers.submit(self._pack, handover, found.height, found.width)

    def _pack(self, handover: Handover, height: int, width: int) -> ImageProposals:
        return take_over(handover, lambda seen: finish(seen, height, width, self._vector_dtype))

    def _make_room(self, busy: set[Future[Any]], limit: int) -> None:
        while len(busy) >= limit:
            wait(busy, return_when=FIRST_COMPLETED)
            self._collect()

    def _collect(self) -> None:
        """Notice what the threads behind have done; raises what they raised."""
        for packed in [future for future in self._behind if future.done()]:
            self._behind.remove(packed)
            packed.result()
            self._done()
        for written in [future for future in self._writing if future.done()]:
            self._writing.remove(written)
            written.result()

    def _done(self) -> None:
        self._usage.images += 1
        self._advance()


def _write(opened: _Open) -> None:
    images = [
        opened.packed[index].result() if index in opened.packed else ImageProposals.nothing(*opened.nothing[index][:2])
        for index in range(len(opened.part))
    ]
    opened.part.write(images, {index: found.reason for index, found in opened.nothing.items()})
