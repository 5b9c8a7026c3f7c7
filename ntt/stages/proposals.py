"""Stage 3: what the networks see in every target image (docs/method.md, section 4); no reference is involved.

The expensive stage, and the one that every shot count, seed, split and matcher setting shares, unless
`proposals.resemblance` has the memory choose the prompts: then each memory has proposals of its own. Images are grouped
into shards; a shard is an artifact of its own, so a killed run loses one shard, and runs over other image lists
reuse what they have in common.
"""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from safetensors.torch import save

from ntt.config import RunConfig
from ntt.data.coco import ImageRecord
from ntt.data.images import load_image
from ntt.errors import InputError
from ntt.feeding.batches import ImageBatches
from ntt.feeding.runner import Part, Runner
from ntt.feeding.threads import Lanes
from ntt.foreign.documents import read_object
from ntt.foreign.tensors import read_safetensors
from ntt.proposals.image_proposals import ImageProposals, pack, unpack
from ntt.proposals.networks import Networks
from ntt.screen.progress import track
from ntt.stages import memory
from ntt.stages.stage import Outcome, Stage
from ntt.stages.workspace import Workspace
from ntt.store.artifacts import MADE_AGAIN, Artifact
from ntt.store.files import write_atomically, write_json
from ntt.store.store import Claim

log = logging.getLogger(__name__)
CODE = 2
_FILE = "proposals.safetensors"
_UNREADABLE = "unreadable.json"
_NAMED = 20  # unreadable images named one by one in the log
_BYTES_PER_MASK = 700  # run lengths and overlaps of one mask, a generous average over COCO


@dataclass
class Shard:
    """Consecutive target images and the artifact that holds their proposals."""

    records: list[ImageRecord]
    artifact: Artifact

    def read(self) -> list[ImageProposals]:
        file = self.artifact.path / _FILE
        return unpack(read_safetensors(file, str(file), MADE_AGAIN))

    def unreadable(self) -> list[dict[str, Any]]:
        """The shard's images that could not be read: {image_id, file_name, reason}."""
        file = self.artifact.path / _UNREADABLE
        reasons: dict[str, str] = read_object(file, MADE_AGAIN) if file.exists() else {}
        named = ((self.records[int(index)], reason) for index, reason in reasons.items())
        return [{"image_id": r.id, "file_name": r.file_name, "reason": reason} for r, reason in named]


def shards(work: Workspace) -> list[Shard]:
    """All shards of this run's targets, made or not; keys know image bytes and networks, never paths or ids."""
    records, size = work.inputs.target_records, work.config.store.shard_size
    networks = {
        "code": CODE,
        "backbone": work.backbone_identity,
        "segmenter": work.segmenter_identity,
        "prompts": work.config.proposals.options(),
        "vectors": work.config.store.vectors,
    }
    if work.config.proposals.resemblance is not None:
        networks["memory"] = memory.artifact(work).key
    found = []
    for start in range(0, len(records), size):
        part = records[start : start + size]
        images = [[work.digests.of(work.inputs.target_images.path(r.file_name)), r.height, r.width] for r in part]
        found.append(Shard(part, work.store.artifact("proposals", {**networks, "images": images})))
    return found


def run(work: Workspace) -> dict[str, Any]:
    """Check every shard, compute the missing and the damaged ones."""
    every = shards(work)
    absent, damaged = work.store.missing(shard.artifact for shard in every)
    keys = {artifact.key for artifact in absent}
    missing = [shard for shard in every if shard.artifact.key in keys]
    computed = 0
    if missing:
        _announce(work, sum(len(shard.records) for shard in missing))
        computed = _compute(work, missing)
    outcome = {"shards": len(every), "found": len(every) - len(missing), "computed": computed}
    if computed < len(missing):
        outcome["by others"] = len(missing) - computed
    if damaged:
        outcome["damaged"] = damaged
    unreadable = [entry for shard in every for entry in shard.unreadable()]
    if unreadable:
        outcome["unreadable"] = len(unreadable)
        _report_unreadable(work, unreadable)
    return outcome


class _Claimed:
    """A shard that this process may make."""

    def __init__(self, work: Workspace, shard: Shard, claim: Claim) -> None:
        self._work = work
        self._shard = shard
        self._claim = claim
        self._started = time.time()

    def __len__(self) -> int:
        return len(self._shard.records)

    def load(self, index: int) -> np.ndarray:
        record = self._shard.records[index]
        annotated = (record.height, record.width) if record.height else None  # a bare folder has no annotated sizes
        return load_image(self._work.inputs.target_images.path(record.file_name), annotated)

    def size(self, index: int) -> tuple[int, int]:
        return self._shard.records[index].height, self._shard.records[index].width

    def write(self, images: list[ImageProposals], unreadable: dict[int, str]) -> None:
        def make(artifact: Artifact) -> None:
            with artifact.writing(self._started) as folder:
                write_atomically(folder / _FILE, save(pack(images)))
                if unreadable:
                    write_json(folder / _UNREADABLE, {str(index): reason for index, reason in unreadable.items()})

        self._work.store.finish(self._claim, make)


def _compute(work: Workspace, missing: list[Shard]) -> int:
    """Compute shards together with whatever other processes do the same; returns how many were computed here."""
    config = work.config
    by_key = {shard.artifact.key: shard for shard in missing}
    progress = iter(track(range(sum(len(shard.records) for shard in missing)), "proposals"))
    one_at_a_time = threading.Lock()

    def advance(images: int = 1) -> None:
        with one_at_a_time:
            for _ in range(images):
                next(progress, None)

    def made_elsewhere(artifact: Artifact) -> None:
        advance(len(by_key[artifact.key].records))

    claimed: list[Claim] = []

    def parts(claims: Iterator[Claim | None]) -> Iterator[Part | None]:
        for claim in claims:
            if claim:
                claimed.append(claim)
            yield _Claimed(work, by_key[claim.artifact.key], claim) if claim else None

    side = config.segmenter.image_size
    # Exact arithmetic names its batch: what fits differs between machines, and with it the rounding.
    at_once = config.images_per_batch or (1 if work.precision == "exact" else None)
    batches = ImageBatches(work.device, at_once, side)
    most_behind = config.proposals.points_per_side**2 * (side // 4) ** 2 * 4  # logits of all prompts
    runner = Runner(
        lambda: Networks(work.backbone, work.segmenter, _prototypes(work)),
        work.device,
        side,
        batches,
        Lanes.suiting(work.device, batches.size, most_behind),
        getattr(torch, config.store.vectors),
        advance,
    )
    advance()  # shows the bar, at 0 images
    with closing(work.store.claims([shard.artifact for shard in missing], made_elsewhere)) as claims:
        usage = runner.run(parts(claims))
    if usage.images:
        log.info("proposals: %s", usage)
    return sum(claim.made for claim in claimed)


def _prototypes(work: Workspace) -> torch.Tensor | None:
    """What prompts have to resemble, where they have to."""
    return None if work.config.proposals.resemblance is None else memory.load(work).prototypes()


def _report_unreadable(work: Workspace, unreadable: list[dict[str, Any]]) -> None:
    pictures = work.inputs.target_images
    for entry in unreadable[:_NAMED]:
        log.warning("unreadable, left out: %s: %s", pictures.path(entry["file_name"]), entry["reason"])
    if len(unreadable) > _NAMED:
        log.warning("... and %d more", len(unreadable) - _NAMED)
    write_json(work.directory / "unreadable.json", unreadable)
    log.warning("%d unreadable images in all, listed in %s", len(unreadable), work.directory / "unreadable.json")
    if len(unreadable) == len(work.inputs.target_records):
        raise InputError(
            f"None of the {len(unreadable)} images in {pictures.folder} can be read ({unreadable[0]['reason']}): "
            "check dataset.target_images."
        )


def _announce(work: Workspace, images: int) -> None:
    """Say how much will be written at most, and warn where the disk cannot hold it."""
    config = work.config
    vector = config.backbone.width * (2 if config.store.vectors == "float16" else 4)
    most = images * config.proposals.points_per_side**2 * (vector + _BYTES_PER_MASK)
    free = shutil.disk_usage(work.store.root).free
    log.info("proposals: %d images to do, at most %.0f MB to write in %s", images, most / 1e6, work.store.root)
    if most > free:
        log.warning("only %.0f MB are free there: set store.root to a larger disk", free / 1e6)


class Proposals(Stage):
    """Looks at the target images."""

    makes = "proposals"
    shared = True

    def needs(self, config: RunConfig) -> tuple[str, ...]:
        """The memory, where only what resembles it is prompted."""
        return () if config.proposals.resemblance is None else ("memory",)

    def run(self, work: Workspace) -> Outcome:
        """See :func:`run`."""
        return run(work)
