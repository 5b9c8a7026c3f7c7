"""Shards that this process may make: where their images come from, and what is written of them."""

from __future__ import annotations

import time

import numpy as np
import torch
from torch import Tensor

from ntt.data.images import UnreadableImage, load_image
from ntt.errors import InputError
from ntt.proposals.image_proposals import ImageMasks
from ntt.proposals.networks import NewProposals
from ntt.proposals.stored_form import digest_of, grids_to_tensors, masks_to_tensors
from ntt.stages.shards import Shard, image_path
from ntt.stages.workspace import Workspace
from ntt.store.artifacts import Artifact
from ntt.store.store import Claim


class _ClaimedShard:
    """A shard that this process may make something of."""

    def __init__(self, work: Workspace, shard: Shard, claim: Claim) -> None:
        self._work = work
        self._shard = shard
        self._claim = claim
        self._started = time.time()

    def __len__(self) -> int:
        return len(self._shard)

    def load(self, index: int) -> np.ndarray:
        record = self._shard.records[index]
        annotated = (record.height, record.width) if record.height else None  # a bare folder has no annotated sizes
        return load_image(image_path(self._work, record), annotated)


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

        def make(_: Artifact) -> None:
            # In this order: masks without their maker's vectors would have a second process pool them again.
            self._shard.write_vectors(vectors, digest, self._started)
            masks = masks_to_tensors(images, digest)
            self._shard.write_masks(masks, grids_to_tensors(grids), unreadable, self._started)

        self._work.store.finish(self._claim, make)


class ShardWithMasks(_ClaimedShard):
    """A shard whose masks exist, and whose vectors this process may make."""

    def __init__(self, work: Workspace, shard: Shard, claim: Claim) -> None:
        super().__init__(work, shard, claim)
        self._grids = shard.grids()

    def load(self, index: int) -> np.ndarray:
        try:
            return super().load(index)
        except UnreadableImage as error:
            if len(self._grids.of(index)) == 0:
                raise
            raise InputError(f"{error}: it could be read when its masks were made. Run again once it can.") from error

    def grid_masks(self, index: int) -> Tensor:
        return self._grids.of(index)

    def write(self, results: list[Tensor | None], unreadable: dict[int, str]) -> None:
        del unreadable  # the masks' artifact tells
        vectors = [torch.zeros(0, 0) if each is None else each for each in results]
        self._work.store.finish(
            self._claim, lambda _: self._shard.write_vectors(vectors, self._grids.digest, self._started)
        )
