"""Shards that this process may make: where their images come from, and what is written of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from ntt.data.images import LostImage, UnreadableImage, load_image
from ntt.errors import NotFinite
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
        self._lost = False  # whether an image could not be read any more: then nothing is written under this key

    def __len__(self) -> int:
        return len(self._shard)

    def load(self, index: int) -> np.ndarray:
        record, digests = self._shard.records[index], self._work.digests
        path = image_path(self._work, record)
        if digests.fault(path):  # not looked at again: what the key stands for is that nothing was seen of it
            raise UnreadableImage(path, "the file could not be read")
        annotated = (record.height, record.width) if record.height else None  # a bare folder has no annotated sizes
        try:
            return load_image(path, annotated, digests.of(path))
        except LostImage as error:
            digests.lose(path, error.reason)
            self._lost = True
            raise

    def _finish(self, make: Callable[[], None], vectors: Sequence[Tensor]) -> None:
        """Write what was made, unless it says nothing of what the key stands for."""
        for record, some in zip(self._shard.records, vectors, strict=True):
            if not torch.isfinite(some).all():
                raise NotFinite(self._work.config.backbone.name, image_path(self._work, record))

        def make_or_leave(_: Artifact) -> None:
            if self._lost:
                raise InputLost
            make()

        self._work.store.finish(self._claim, make_or_leave)


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

        self._finish(make, vectors)


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
        self._finish(lambda: self._shard.write_vectors(vectors, self._grids.digest, self._started), vectors)
