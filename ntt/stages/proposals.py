"""Stage 3: what the networks see in every target image (docs/method.md, section 4); no reference is involved.

The expensive stage, and the one that every shot count, seed, split and matcher setting shares, unless
`proposals.resemblance` has the memory choose the prompts: then each memory has proposals of its own. Images are grouped
into shards, so a killed run loses one shard, and runs over other image lists reuse what they have in common. Of each
shard the masks are one artifact and their vectors another (:mod:`ntt.stages.shards`): another backbone over the same
images computes vectors of the masks that are there, without a segmenter.
"""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Any

import torch
from torch import Tensor

from ntt.compute.home import without_home
from ntt.config import RunConfig
from ntt.errors import InputError
from ntt.feeding.batches import ImageBatches
from ntt.feeding.runner import ImageShard, Networks, Runner
from ntt.feeding.threads import WorkerThreads
from ntt.proposals.networks import MasksAndVectors, VectorsOfStoredMasks
from ntt.screen.progress import track
from ntt.stages import memory
from ntt.stages.claimed_shards import NewShard, ShardWithMasks
from ntt.stages.shards import Shard, asks_references, shards
from ntt.stages.stage import Outcome, Stage
from ntt.stages.workspace import Workspace
from ntt.store.artifacts import Artifact
from ntt.store.files import write_json
from ntt.store.store import Claim

log = logging.getLogger(__name__)
_NAMED = 20  # unreadable images named one by one in the log
_BYTES_PER_MASK = 700  # run lengths and overlaps of one mask, a generous average over COCO


def run(work: Workspace) -> dict[str, Any]:
    """Check every shard, compute the missing and the damaged ones."""
    outcome: dict[str, Any] = {}
    while True:
        every = shards(work)
        distinct = list({shard.vectors.key: shard for shard in every}.values())  # equal images have equal keys
        without_masks, without_vectors, damaged = _missing(work, distinct)
        missing = [*without_masks, *without_vectors]
        repeated = len(every) - len(distinct)
        if not outcome:
            outcome = {"shards": len(every), "found": len(distinct) - len(missing), "computed": 0}
            _count(outcome, repeated=repeated)
        made, pooled = 0, 0
        if missing:
            _announce(work, without_masks, without_vectors)
            made, pooled = _Computation(work, missing).run(without_masks, without_vectors)
        outcome["computed"] += made + pooled
        _count(outcome, of_stored_masks=pooled, by_others=len(missing) - made - pooled, damaged=damaged)
        if not missing or [shard.masks.key for shard in shards(work)] == [shard.masks.key for shard in every]:
            break
        work.derived.clear()  # images were lost on the way, and this run's keys have changed
    unreadable = [entry for shard in every for entry in shard.unreadable()]
    if unreadable:
        _count(outcome, unreadable=len(unreadable))
        _report_unreadable(work, unreadable)
    return outcome


def _count(outcome: dict[str, Any], **more: int) -> None:
    """Add to an outcome what is not 0."""
    for name, count in more.items():
        if count:
            words = name.replace("_", " ")
            outcome[words] = outcome.get(words, 0) + count


def require(work: Workspace, wanted: Sequence[Shard]) -> None:
    """Raises InputError unless all shards were made."""
    for shard in wanted:
        for artifact in (shard.masks, shard.vectors):
            work.require(artifact, of="proposals")


def _missing(work: Workspace, distinct: list[Shard]) -> tuple[list[Shard], list[Shard], int]:
    """The shards without masks, the others without vectors, and how many artifacts are damaged."""
    absent, damaged_masks = work.store.missing(shard.masks for shard in distinct)
    no_masks = {artifact.key for artifact in absent}
    with_masks = [shard for shard in distinct if shard.masks.key not in no_masks]
    absent, damaged_vectors = work.store.missing(shard.vectors for shard in with_masks)
    no_vectors = {artifact.key for artifact in absent}
    for shard in with_masks:
        if shard.vectors.key not in no_vectors and not shard.fits():
            log.warning("%s belongs to masks that were made anew: it is made again", shard.vectors.path)
            shard.vectors.discard()
            no_vectors.add(shard.vectors.key)
    return (
        [shard for shard in distinct if shard.masks.key in no_masks],
        [shard for shard in with_masks if shard.vectors.key in no_vectors],
        damaged_masks + damaged_vectors,
    )


class _Computation:
    """Computes shards together with whatever other processes do the same.

    Args:
        work: the run.
        missing: the shards, for the progress bar.
    """

    def __init__(self, work: Workspace, missing: Sequence[Shard]) -> None:
        self._work = work
        self._progress = iter(track(range(sum(map(len, missing))), "proposals"))
        self._one_at_a_time = threading.Lock()
        self._dtype = getattr(torch, work.config.store.vectors)

    def run(self, without_masks: list[Shard], without_vectors: list[Shard]) -> tuple[int, int]:
        """How many shards were made here: masks and vectors in one pass, and vectors of stored masks."""
        work = self._work
        self._advance(1)  # shows the bar, at 0 images
        late: list[Shard] = []  # whose masks another process made, for another encoder

        def masks_made_elsewhere(shard: Shard) -> None:
            if shard.vectors.exists():
                self._advance(len(shard))
            else:
                late.append(shard)

        by_masks = {shard.masks.key: shard for shard in without_masks}
        prompts = work.config.proposals.points_per_side**2
        made = self._pass(
            "proposals",
            by_masks,
            [shard.masks for shard in without_masks],
            lambda shard, claim: NewShard(work, shard, claim),
            lambda: MasksAndVectors(work.backbone, work.segmenter, self._dtype, _prototypes(work)),
            masks_made_elsewhere,
            5 * prompts,  # logits and masks of all prompts
        )
        to_pool = [*without_vectors, *late]
        pooled = self._pass(
            "vectors of stored masks",
            {shard.vectors.key: shard for shard in to_pool},
            [shard.vectors for shard in to_pool],
            lambda shard, claim: ShardWithMasks(work, shard, claim),
            lambda: VectorsOfStoredMasks(work.backbone, self._dtype),
            lambda shard: self._advance(len(shard)),
            prompts,
        )
        return made, pooled

    def _pass(
        self,
        name: str,
        by_key: dict[str, Shard],
        artifacts: list[Artifact],
        claimed: Callable[[Shard, Claim], ImageShard],
        networks: Callable[[], Networks],
        made_elsewhere: Callable[[Shard], None],
        bytes_per_grid_pixel: int,
    ) -> int:
        """Claim artifacts and make them, until all exist; returns how many were made here."""
        if not artifacts:
            return 0
        work, side = self._work, self._work.config.segmenter.image_size or 1024
        # Exact arithmetic names its batch: what fits differs between machines, and with it the rounding.
        at_once = work.config.images_per_batch or (1 if work.precision == "exact" else None)
        batches = ImageBatches(work.device, at_once, side)
        threads = WorkerThreads.suiting(work.device, batches.size, bytes_per_grid_pixel * (side // 4) ** 2)
        runner = Runner(networks, work.device, side, batches, threads, lambda: self._advance(1))
        claims_made: list[Claim] = []

        def image_shards(claims: Iterator[Claim | None]) -> Iterator[ImageShard | None]:
            for claim in claims:
                if claim:
                    claims_made.append(claim)
                yield claimed(by_key[claim.artifact.key], claim) if claim else None

        with closing(work.store.claims(artifacts, lambda artifact: made_elsewhere(by_key[artifact.key]))) as claims:
            usage = runner.run(image_shards(claims))
        if usage.images:
            log.info("%s: %s", name, usage)
        return sum(claim.made for claim in claims_made)

    def _advance(self, images: int) -> None:
        with self._one_at_a_time:
            for _ in range(images):
                next(self._progress, None)


def _prototypes(work: Workspace) -> Tensor | None:
    """What prompts have to resemble, where they have to."""
    if not asks_references(work):
        return None
    found = memory.prototypes(work)
    return found.reshape(-1, found.shape[-1])  # a prompt may resemble any of several


def _report_unreadable(work: Workspace, unreadable: list[dict[str, Any]]) -> None:
    pictures = work.inputs.target_images
    for entry in unreadable:
        # Of a file that could not be read an artifact says that alone: why is a matter of this run.
        entry["reason"] = work.digests.fault(pictures.path(entry["file_name"])) or entry["reason"]
    for entry in unreadable[:_NAMED]:
        log.warning("unreadable, left out: %s: %s", pictures.path(entry["file_name"]), entry["reason"])
    if len(unreadable) > _NAMED:
        log.warning("... and %d more", len(unreadable) - _NAMED)
    write_json(work.directory / "unreadable.json", without_home(unreadable))
    log.warning("%d unreadable images in all, listed in %s", len(unreadable), work.directory / "unreadable.json")
    if len(unreadable) == len(work.inputs.target_records):
        raise InputError(
            f"None of the {len(unreadable)} images in {pictures.folder} can be read ({unreadable[0]['reason']}): "
            "check dataset.target_images."
        )


def _announce(work: Workspace, without_masks: Sequence[Shard], without_vectors: Sequence[Shard]) -> None:
    """Say how much will be written at most, and warn where the disk cannot hold it."""
    config = work.config
    new, masked = (sum(map(len, some)) for some in (without_masks, without_vectors))
    vector = getattr(config.backbone, "width", 1024) * (2 if config.store.vectors == "float16" else 4)
    most = config.proposals.points_per_side**2 * (new * (vector + _BYTES_PER_MASK) + masked * vector)
    free = shutil.disk_usage(work.store.root).free
    what = f", {masked} of which have masks" if masked else ""
    log.info(
        "proposals: %d images to do%s, at most %.0f MB to write in %s", new + masked, what, most / 1e6, work.store.root
    )
    if asks_references(work):
        log.info(
            "proposals: prompts by resemblance depend on the references and on the encoder: these masks are shared "
            "with no other backbone, seed or shots"
        )
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
