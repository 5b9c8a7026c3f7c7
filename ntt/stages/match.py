"""Stage 4: give every proposal its class and every image its detections (docs/method.md, section 5)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ntt.compute.cores import usable_cores
from ntt.compute.precision import cpu_multiplies_bf16
from ntt.matching.match import Detections, match, prepare
from ntt.matching.screening import ManyClasses
from ntt.matching.settings import MatchSettings
from ntt.processes.own import OWN
from ntt.proposals.image_proposals import ImageProposals
from ntt.screen.progress import track
from ntt.stages import memory, proposals
from ntt.stages.shards import Shard
from ntt.stages.shards import shards as all_shards
from ntt.stages.stage import Outcome, PredictionStage
from ntt.stages.workspace import Workspace, once_per_run
from ntt.store.artifacts import Artifact

SOURCE = (
    "ntt.evaluation.files",
    "ntt.masks.overlaps",
    "ntt.matching",
    "ntt.proposals.image_proposals",
    "ntt.proposals.stored_form",
    "ntt.stages.match",
    "ntt.stages.shards",
)
_IMAGES_PER_WORKER = 250  # starting a process costs as much as matching so many images


@once_per_run
def artifact(work: Workspace) -> Artifact:
    """Determined by the memory, the proposals, the matcher, and the ids that the target file uses."""
    inputs = work.inputs
    return work.store.artifact(
        "match",
        {
            "code": work.sources.of(*SOURCE),
            "memory": memory.artifact(work).key,
            "proposals": [shard.vectors.key for shard in _shards(work)],
            "images": [record.id for record in inputs.target_records],
            "categories": [inputs.target_category[i] for i in inputs.categories],
            "matcher": matcher_identity(work),
            **({"asked": sorted(asked.items())} if (asked := asked_of_images(work)) else {}),
        },
    )


def asked_of_images(work: Workspace) -> dict[int, list[int]]:
    """By image the classes that are looked for in it, each by itself; empty where all compete in all images."""
    targets = work.inputs.targets
    if targets.semantic is None or not targets.semantic.one_way:
        return {}
    asked: dict[int, list[int]] = {record.id: [] for record in work.inputs.target_records}
    for annotation in targets.annotations:
        if annotation.image_id in asked:
            asked[annotation.image_id].append(annotation.category_id)
    return asked


@once_per_run
def _shards(work: Workspace) -> list[Shard]:
    return all_shards(work)


def matcher_identity(work: Workspace) -> dict[str, Any]:
    """The limits that all rules have, and the rules of merging and of scores with their own options."""
    options = {**vars(work.config.matcher)}
    parts = {key: work.identity_of(options.pop(key)) for key in ("rule", "scoring")}
    return {**options, **parts}


def match_all(work: Workspace) -> tuple[list[dict[str, Any]], Outcome]:
    """The predictions of every target image as COCO results, and what was done."""
    shards = _shards(work)
    proposals.require(work, shards)
    bank = memory.load(work)
    category_ids = [work.inputs.target_category[i] for i in bank.category_ids]
    prototypes, asked, settings = memory.prototypes(work), asked_of_images(work), work.config.matcher
    prepared = prototypes if asked else prepare(prototypes, settings, cpu_multiplies_bf16())
    matcher = (prepared, category_ids, settings, asked)
    images = len(work.inputs.target_records)
    workers = work.config.workers or min(usable_cores(), 1 + images // _IMAGES_PER_WORKER)
    predictions: list[dict[str, Any]] = []
    progress = iter(track(range(images), "match"))
    for shard, rows in zip(shards, _match_all(shards, matcher, workers), strict=True):
        predictions += rows
        for _ in shard.records:
            next(progress, None)
    next(progress, None)  # lets the progress bar see its end
    return predictions, {"images": images, "detections": len(predictions), "processes": workers}


# Prototypes [C, D], category id of each, settings, and by image the classes that are looked for in it, if not all are.
Matcher = tuple[Tensor | ManyClasses, list[int], MatchSettings, dict[int, list[int]]]


def _match_all(shards: list[Shard], matcher: Matcher, workers: int) -> Iterator[list[dict[str, Any]]]:
    """The predictions of each shard, in order, from this process or from several."""
    match_one = partial(match_shard, matcher=matcher)
    threads = torch.get_num_threads()
    one_thread()  # here as in the workers: sums in another order would be other bytes
    try:
        if workers == 1:
            yield from map(match_one, shards)
        else:
            yield from OWN.matching.map(match_one, shards, workers, one_thread)
    finally:
        torch.set_num_threads(threads)


def one_thread() -> None:
    """What a process that matches begins with."""
    torch.set_num_threads(1)


def match_shard(shard: Shard, matcher: Matcher) -> list[dict[str, Any]]:
    """COCO results of one shard's images. A shard is read whole, in one sequential read."""
    prototypes, category_ids, settings, asked = matcher
    places = {identity: place for place, identity in enumerate(category_ids)} if asked else {}
    predictions = []
    for record, found in zip(shard.records, shard.read(), strict=True):
        if asked:
            assert isinstance(prototypes, Tensor)
            for identity in asked[record.id]:
                alone = prototypes[places[identity], None]  # [1, D] or [1, K, D]
                predictions += results(record.id, found, match(found, alone, settings), [identity])
        else:
            detections = match(found, prototypes, settings)
            predictions += results(record.id, found, detections, category_ids)
    return predictions


def results(
    image_id: int, found: ImageProposals, detections: Detections, category_ids: list[int]
) -> list[dict[str, Any]]:
    """One image's detections as COCO results; a box is written as x1, y1, x2 - x1, y2 - y1 of its inclusive corners."""
    rows = []
    boxes = found.boxes[detections.proposals]
    columns = (detections.proposals, detections.labels, detections.scores, boxes)
    for proposal, label, score, (x1, y1, x2, y2) in zip(*map(Tensor.tolist, columns), strict=True):
        rows.append(
            {
                "image_id": image_id,
                "category_id": category_ids[label],
                "bbox": [x1, y1, x2 - x1, y2 - y1],
                "segmentation": found.rle(proposal),
                "score": score,
            }
        )
    return rows


class Match(PredictionStage):
    """Matches the proposals with the memory."""

    def artifact(self, work: Workspace) -> Artifact:
        """See :func:`artifact`."""
        return artifact(work)

    def make(self, work: Workspace, folder: Path) -> Outcome:
        """See :func:`match_all`."""
        predictions, outcome = match_all(work)
        self.keep(work, folder, predictions)
        return outcome
