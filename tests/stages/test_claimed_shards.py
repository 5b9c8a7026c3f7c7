"""What is written of a shard: both artifacts, or nothing at all."""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor

from ntt.data.coco import ImageRecord
from ntt.data.images import LostImage, UnreadableImage
from ntt.errors import InputError
from ntt.masks.compressed import compress_masks
from ntt.proposals.image_proposals import ImageMasks
from ntt.proposals.networks import NewProposals
from ntt.stages.claimed_shards import NewShard, ShardWithMasks
from ntt.stages.shards import Shard
from ntt.store.artifacts import Artifact
from ntt.store.digests import FileDigests
from ntt.store.store import Claim, Store

SIZE = (12, 16)


class Scene:
    """Two images in a folder, and a store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.records = [ImageRecord(i, f"{i}.png", *SIZE) for i in range(2)]
        for record in self.records:
            Image.new("RGB", SIZE[::-1], (record.id, 0, 0)).save(folder / record.file_name)
        self.store = Store(folder / "store")
        self.shard = Shard(
            self.records, self.store.artifact("masks", {"n": 1}), self.store.artifact("vectors", {"n": 1})
        )
        self.work: Any = SimpleNamespace(
            store=self.store,
            digests=FileDigests(folder / "digests"),
            inputs=SimpleNamespace(target_images=SimpleNamespace(path=lambda name: folder / name)),
            config=SimpleNamespace(backbone=SimpleNamespace(name="small")),
        )

    def claim(self, artifact: Artifact) -> Claim:
        """The right to make it."""
        self._claims = self.store.claims([artifact])  # kept: closing gives up what it gave
        claim = next(self._claims)
        assert claim is not None
        return claim

    def new(self) -> NewShard:
        """The shard, claimed."""
        return NewShard(self.work, self.shard, self.claim(self.shard.masks))


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def made(side: int = 8, value: float = 1.0) -> NewProposals:
    """One mask of one image."""
    masks = torch.zeros(1, side, side, dtype=torch.bool)
    masks[:, 1:3, 2:5] = True
    none = ImageMasks.nothing(*SIZE)
    one = ImageMasks(
        *SIZE,
        predicted_iou=torch.tensor([0.5]),
        boxes_low=torch.tensor([[2, 1, 4, 2]]),
        boxes=torch.tensor([[2, 1, 4, 2]]),
        areas=torch.tensor([6]),
        counts=["`01"],
        overlaps=none.overlaps,
    )
    return NewProposals(one, compress_masks(masks), torch.tensor([[value, 0.0]]).half())


def test_both_artifacts_are_written_and_read_together(scene: Scene) -> None:
    scene.new().write([made(), None], {1: "torn"})

    first, second = scene.shard.read()
    assert (len(first), len(second), second.height) == (1, 0, SIZE[0])
    assert first.vectors.tolist() == [[1.0, 0.0]]
    assert [entry["reason"] for entry in scene.shard.unreadable()] == ["torn"]
    assert scene.shard.fits()


def test_the_vectors_are_there_before_the_masks(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Masks without their maker's vectors would have a process that waits for both pool them a second time."""
    order: list[str] = []
    writing = Artifact.writing
    monkeypatch.setattr(Artifact, "writing", lambda one, *more: order.append(one.stage) or writing(one, *more))

    scene.new().write([made(), None], {})

    assert order == ["vectors", "masks"]


def test_an_image_that_changes_after_its_digest_is_taken_leaves_nothing_in_the_store(scene: Scene) -> None:
    path = scene.folder / "1.png"
    known = scene.work.digests.of(path)
    path.unlink()
    shard = scene.new()
    assert shard.load(0).shape == (*SIZE, 3)
    with pytest.raises(LostImage):
        shard.load(1)

    shard.write([made(), None], {1: "lost"})

    assert not scene.shard.masks.exists()
    assert not scene.shard.vectors.exists()
    assert scene.work.digests.of(path) != known
    with pytest.raises(UnreadableImage, match="does not exist"):
        shard.load(1)


def test_masks_have_vectors_of_another_encoder_made_of_them(scene: Scene) -> None:
    scene.new().write([made(), None], {1: "torn"})
    other = Shard(scene.records, scene.shard.masks, scene.store.artifact("vectors", {"n": 2}))
    shard = ShardWithMasks(scene.work, other, scene.claim(other.vectors))
    known: list[Tensor] = [shard.grid_masks(index) for index in range(2)]
    assert [len(masks) for masks in known] == [1, 0]
    assert known[0].nonzero().tolist() == [[0, y, x] for y in (1, 2) for x in (2, 3, 4)]

    shard.write([torch.tensor([[0.0, 1.0]]), None], {1: "torn"})

    assert other.read()[0].vectors.tolist() == [[0.0, 1.0]]
    assert scene.shard.read()[0].vectors.tolist() == [[1.0, 0.0]]


def test_vectors_of_other_masks_are_told_and_replaced(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    scene.new().write([made(), None], {})
    scene.shard.masks.discard()
    scene.new().write([made(side=16), None], {})
    assert scene.shard.fits()
    assert scene.shard.read()[0].vectors.tolist() == [[1.0, 0.0]]

    stale = Shard(scene.records, scene.shard.masks, scene.store.artifact("vectors", {"n": 3}))
    stale.write_vectors([torch.ones(1, 2), torch.zeros(0, 0)], torch.zeros(32, dtype=torch.uint8), 0.0)
    assert not stale.fits()
    with pytest.raises(InputError, match="belong to other masks"):
        stale.read()
