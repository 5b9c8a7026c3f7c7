"""Shards that this process may make: where their images come from, and what is written of them."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from ntt.data.images import LostImage, UnreadableImage, load_image
from ntt.proposals.image_proposals import ImageMasks
from ntt.proposals.networks import NewProposals
from ntt.proposals.stored_form import digest_of, grids_to_tensors, masks_to_tensors
from ntt.stages.shards import Shard, image_path
from ntt.stages.workspace import Workspace
from ntt.store.artifacts import Artifact
from ntt.store.store import Claim, InputLost


class _ClaimedShard:
    """A shard that this process may make something of."""

    def __init__(self, work: Workspace, shard: Shard, claim: Claim) -> None:
        self._work = work
        self._shard = shard
        self._claim = claim
        self._started = time.time()
        self._lost = False  # whether an image could be read when its digest was computed, and now no more

    def __len__(self) -> int:
        return len(self._shard)

    def load(self, index: int) -> np.ndarray:
        record = self._shard.records[index]
        path = image_path(self._work, record)
        if reason := self._shard.lost.get(index):
            raise UnreadableImage(path, reason)  # not looked at again: the keys say that nothing was seen of it
        annotated = (record.height, record.width) if record.height else None  # a bare folder has no annotated sizes
        try:
            return load_image(path, annotated, self._work.digests.of(path))
        except LostImage as error:
            self._work.digests.lose(path, error.reason)
            self._lost = True
            raise

    def name(self, index: int) -> str:
        return str(image_path(self._work, self._shard.records[index]))

    def _finish(self, make: Callable[[], None]) -> None:
        def unless_lost(_: Artifact) -> None:
            if self._lost:
                raise InputLost  # nothing is known of an image that the key stands for
            make()

        self._work.store.finish(self._claim, unless_lost)


class NewShard(_ClaimedShard):
    """A shard whose masks this process may make, and with them its vectors."""

    def grid_masks(self, index: int) -> None:
        """None is known of any image."""

    def write(self, results: list[NewProposals | None], unreadable: dict[int, str]) -> None:
        records = self._shard.records
        images = [
            made.masks if made else ImageMasks.nothing(record.height, record.width)
            for made, record in zip(results, records, strict=True)
        ]
        grids = [made.grid_masks if made else b"" for made in results]
        vectors = [made.vectors if made else torch.zeros(0, 0) for made in results]
        digest = digest_of(grids)

        def make() -> None:
            # In this order: masks without their maker's vectors would have a second process pool them again.
            self._shard.write_vectors(vectors, digest, self._started)
            masks = masks_to_tensors(images, digest)
            self._shard.write_masks(masks, grids_to_tensors(grids), unreadable, self._started)

        self._finish(make)


class ShardWithMasks(_ClaimedShard):
    """A shard whose masks exist, and whose vectors this process may make."""

    def __init__(self, work: Workspace, shard: Shard, claim: Claim) -> None:
        super().__init__(work, shard, claim)
        self._grids = shard.grids()

    def grid_masks(self, index: int) -> Tensor:
        return self._grids.of(index)

    def write(self, results: list[Tensor | None], unreadable: dict[int, str]) -> None:
        del unreadable  # the masks' artifact tells
        vectors = [torch.zeros(0, 0) if each is None else each for each in results]
        self._finish(lambda: self._shard.write_vectors(vectors, self._grids.digest, self._started))
