"""Shards of target images: what identifies their masks and their vectors in the store, and how they are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from ntt.data.coco import ImageRecord
from ntt.errors import InputError
from ntt.foreign.documents import read_object
from ntt.foreign.tensors import read_safetensors
from ntt.proposals.image_proposals import ImageProposals
from ntt.proposals.stored_form import DIGEST, StoredGrids, belong_together, proposals_from_tensors, vectors_to_tensors
from ntt.stages import memory
from ntt.stages.workspace import Workspace
from ntt.store.artifacts import MADE_AGAIN, Artifact
from ntt.store.files import write_atomically, write_json

MASKS_CODE, VECTORS_CODE = 3, 1  # raised with whatever changes bytes: tests/stages/test_versions.py watches the source
_BOTH = ("ntt.compute", "ntt.data.images", "ntt.networks", "ntt.proposals")
MASKS_SOURCE = (*_BOTH, "ntt.masks", "ntt.segmenters")
VECTORS_SOURCE = (*_BOTH, "ntt.backbones", "ntt.masks.resizing")
_MASKS, _GRIDS, _VECTORS = "masks.safetensors", "grid_masks.safetensors", "vectors.safetensors"
_UNREADABLE = "unreadable.json"


@dataclass(frozen=True)
class Shard:
    """Consecutive target images and the two artifacts that hold their proposals.

    Attributes:
        records: of the images.
        masks: determined by the images, the segmenter and its prompts.
        vectors: determined by the masks and the encoder. Where both are missing they are made together, the vectors
            first: whoever sees masks of a process with its own encoder sees their vectors too.
        lost: by their place, why images could not even be read. True for this run only, so not stored: the keys say
            that nothing was seen of them.
    """

    records: list[ImageRecord]
    masks: Artifact
    vectors: Artifact
    lost: Mapping[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.records)

    def read(self) -> list[ImageProposals]:
        """The proposals of each image.

        Raises:
            InputError: the masks were made anew, and are others than those that the vectors belong to.
        """
        masks, vectors = _tensors(self.masks.path / _MASKS), _tensors(self.vectors.path / _VECTORS)
        if not belong_together(masks, vectors):
            raise InputError(
                f"The vectors in {self.vectors.path} belong to other masks than those in {self.masks.path}: "
                "run stage proposals again, which makes them anew."
            )
        return proposals_from_tensors(masks, vectors)

    def fits(self) -> bool:
        """Whether the vectors, which exist, belong to the masks, which exist as well."""
        return _grid_digest(self.masks.path / _MASKS) == _grid_digest(self.vectors.path / _VECTORS)

    def grids(self) -> StoredGrids:
        """What other vectors are pooled from."""
        return StoredGrids(_tensors(self.masks.path / _MASKS), _tensors(self.masks.path / _GRIDS))

    def unreadable(self) -> list[dict[str, Any]]:
        """The shard's images that could not be read: {image_id, file_name, reason}."""
        file = self.masks.path / _UNREADABLE
        kept: dict[str, str] = read_object(file, MADE_AGAIN) if file.exists() else {}
        reasons = {**{int(index): reason for index, reason in kept.items()}, **self.lost}
        named = ((self.records[index], reasons[index]) for index in sorted(reasons))
        return [{"image_id": r.id, "file_name": r.file_name, "reason": reason} for r, reason in named]

    def write_masks(
        self, masks: Mapping[str, Tensor], grids: Mapping[str, Tensor], unreadable: dict[int, str], started: float
    ) -> None:
        """Keep the masks in both forms, and why images have none; to be called by the holder of the lease."""
        with self.masks.writing(started) as folder:
            write_atomically(folder / _MASKS, save(dict(masks)))
            write_atomically(folder / _GRIDS, save(dict(grids)))
            proven = {str(index): reason for index, reason in unreadable.items() if index not in self.lost}
            if proven:
                write_json(folder / _UNREADABLE, proven)

    def write_vectors(self, vectors: list[Tensor], digest: Tensor, started: float) -> None:
        """Keep the vectors; to be called by the holder of the lease. Those of other masks are replaced.

        Args:
            vectors: of each image.
            digest: of the masks on the grid.
            started: when the work for it began, by time.time().
        """
        tensors = vectors_to_tensors(vectors, digest)
        if self.vectors.exists() and not self._exist_for(tensors):
            self.vectors.discard()
        if not self.vectors.exists():
            with self.vectors.writing(started) as folder:
                write_atomically(folder / _VECTORS, save(tensors))

    def _exist_for(self, tensors: Mapping[str, Tensor]) -> bool:
        return self.vectors.damage() is None and belong_together(_tensors(self.vectors.path / _VECTORS), tensors)


def _tensors(file: Path) -> dict[str, Tensor]:
    return read_safetensors(file, str(file), MADE_AGAIN)


def _grid_digest(file: Path) -> bytes:
    """Of the masks on the grid that a file's masks or vectors belong to; read once, for all points of a sweep ask."""
    status = file.stat()
    return _grid_digest_of_unchanged(file, status.st_ino, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=1 << 16)
def _grid_digest_of_unchanged(file: Path, *stamp: int) -> bytes:
    del stamp  # part of the cache's key only
    with safe_open(file, framework="pt") as tensors:
        digest: Tensor = tensors.get_tensor(DIGEST)
    return bytes(digest.tolist())


def shards(work: Workspace) -> list[Shard]:
    """All shards of this run's targets, made or not; keys know image bytes and networks, never paths or ids."""
    records, size = work.inputs.target_records, work.config.store.shard_size
    masks: dict[str, Any] = {"code": MASKS_CODE, "segmenter": work.segmenter_identity}
    masks["prompts"] = work.config.proposals.options()
    if asks_references(work):
        masks |= {"backbone": work.backbone_identity, "memory": memory.artifact(work).key}
    vectors = {"code": VECTORS_CODE, "backbone": work.backbone_identity, "dtype": work.config.store.vectors}
    source = work.sources.of(*VECTORS_SOURCE)
    found = []
    for start in range(0, len(records), size):
        some = records[start : start + size]
        files = [image_path(work, r) for r in some]
        images = [[work.digests.of(file), r.height, r.width] for file, r in zip(files, some, strict=True)]
        lost = {index: reason for index, file in enumerate(files) if (reason := work.digests.fault(file))}
        made = work.store.artifact("masks", {**masks, "images": images}, work.sources.of(*MASKS_SOURCE))
        pooled = work.store.artifact("vectors", {**vectors, "masks": made.key}, source)
        found.append(Shard(some, made, pooled, lost))
    return found


def asks_references(work: Workspace) -> bool:
    """Whether prompts depend on the memory, and with it the masks on the encoder, the seed and the shots."""
    return work.config.proposals.resemblance is not None


def image_path(work: Workspace, record: ImageRecord) -> Path:
    """Where a target image is."""
    return work.inputs.target_images.path(record.file_name)
