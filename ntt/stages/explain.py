"""What became of the objects and proposals of a finished run's images: read from the store, without a network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from ntt.data.coco import Annotation, ImageRecord
from ntt.data.geometry import annotation_mask
from ntt.errors import InputError
from ntt.matching.scores import unit_vectors
from ntt.memory.bank import MemoryBank
from ntt.proposals.image_proposals import ImageProposals
from ntt.reasons.kinds import Kind, error_kind
from ntt.reasons.missed import Fate, fates, found_by
from ntt.reasons.steps import Steps, follow
from ntt.stages import memory, proposals
from ntt.stages.match import asked_of_images, one_thread
from ntt.stages.shards import shards
from ntt.stages.workspace import Workspace


@dataclass(frozen=True)
class Explained:
    """One image.

    Attributes:
        record: the image.
        found: its proposals.
        steps: what became of each.
        truth: its objects of the run's classes, crowds left out; empty without ground truth.
        labels: of the objects, rows of the memory.
        ious: float64 [T, N], objects with proposals; of masks where all objects have one, else of boxes.
        score: detections below it do not count.
    """

    record: ImageRecord
    found: ImageProposals
    steps: Steps
    truth: list[Annotation]
    labels: list[int]
    ious: NDArray[np.float64]
    score: float

    @cached_property
    def fates(self) -> list[Fate]:
        """Of each object."""
        return fates(self.ious, self.labels, self.steps, self.score)

    def verdicts(self) -> list[tuple[int, Kind | None]]:
        """Each detection that counts, as a row of ``steps``, with the kind of error that it is; None for a hit."""
        hits = set(found_by(self.ious, self.labels, self.steps, self.score))
        told: list[tuple[int, Kind | None]] = []
        for row in self.steps.detected.tolist():
            if float(self.steps.merged[row]) >= self.score:
                overlaps = self.ious[:, int(self.steps.proposals[row])]
                kind = None if row in hits else error_kind(overlaps, int(self.steps.labels[row]), self.labels)
                told.append((row, kind))
        return told


class Explanation:
    """A finished run, image by image.

    Args:
        work: of the run.
        score: detections below it do not count.

    Raises:
        InputError: the store no longer has the run's proposals or memory, or its classes do not compete.
    """

    def __init__(self, work: Workspace, score: float = 0.0) -> None:
        if asked_of_images(work):
            raise InputError("In this run each class is looked for by itself: its misses cannot be explained yet.")
        self.work, self.score = work, score
        try:
            self.bank: MemoryBank = memory.load(work)
            self.prototypes = memory.prototypes(work)
        except InputError as error:
            raise InputError(
                f"{work.store.root} lacks what this run made of its references: deleted, or made by another version "
                "of ntt. Run the same command again, which makes only what is missing."
            ) from error
        self._rows = {work.inputs.target_category[identity]: row for row, identity in enumerate(self.bank.category_ids)}
        self._truth: dict[int, list[Annotation]] = {}
        for one in work.inputs.targets.annotations if work.inputs.has_truth else []:
            if one.category_id in self._rows and not one.iscrowd:
                self._truth.setdefault(one.image_id, []).append(one)

    def record(self, named: str) -> ImageRecord:
        """The image of the run with this id, file name, or end of a file name.

        Raises:
            InputError: there is none, or there are several.
        """
        records = self.work.inputs.target_records
        exact = [one for one in records if named in (str(one.id), one.file_name)]
        found = exact or [one for one in records if f"/{one.file_name}".endswith(f"/{named}")]
        if len(found) != 1:
            some = ", ".join(f"{one.id} ({one.file_name})" for one in (found or records)[:3])
            many = f"means {len(found)} images of this run" if found else "is no image of this run"
            raise InputError(f"--image {named} {many}: give an id or a file name, such as {some}.")
        return found[0]

    def image(self, record: ImageRecord) -> Explained:
        """One image of the run."""
        return next(self._explained({record.id}))

    def images(self) -> Iterator[Explained]:
        """All images of the run."""
        return self._explained({record.id for record in self.work.inputs.target_records})

    def nearest(self, vector: torch.Tensor, count: int = 3) -> list[tuple[str, int, float]]:
        """The references most like a proposal's vector: class, which of its references (from 1), cosine."""
        unit = unit_vectors(vector[None])
        told = [
            (name, number, cosine)
            for name, vectors in zip(self.bank.names, self.bank.vectors, strict=True)
            for number, cosine in enumerate((unit_vectors(vectors) @ unit[0]).tolist(), start=1)
        ]
        return sorted(told, key=lambda one: -one[2])[:count]

    def _explained(self, wanted: set[int]) -> Iterator[Explained]:
        some = [shard for shard in shards(self.work) if any(record.id in wanted for record in shard.records)]
        proposals.require(self.work, some)
        for shard in some:
            for record, found in zip(shard.records, shard.read(), strict=True):
                if record.id in wanted:
                    yield self._explain(record, found)

    def _explain(self, record: ImageRecord, found: ImageProposals) -> Explained:
        truth = self._truth.get(record.id, [])
        threads = torch.get_num_threads()
        one_thread()  # as in the stage: sums in another order would be other scores
        try:
            steps = follow(found, self.prototypes, self.work.config.matcher)
        finally:
            torch.set_num_threads(threads)
        labels = [self._rows[one.category_id] for one in truth]
        return Explained(record, found, steps, truth, labels, _ious(truth, found), self.score)


def _ious(truth: list[Annotation], found: ImageProposals) -> NDArray[np.float64]:
    if not truth or not len(found):
        return np.zeros((len(truth), len(found)))
    ours: list[Any]
    theirs: list[Any]
    if all(one.segmentation is not None for one in truth):
        masks = [annotation_mask(one, found.height, found.width) for one in truth]
        theirs = [coco_mask.encode(np.asfortranarray(mask)) for mask in masks]
        ours = [found.rle(index) for index in range(len(found))]
    else:
        theirs = [list(one.bbox) for one in truth]
        ours = [[x1, y1, x2 - x1, y2 - y1] for x1, y1, x2, y2 in found.boxes.tolist()]
    return np.asarray(coco_mask.iou(ours, theirs, [0] * len(theirs)), dtype=np.float64).T


def count_causes(images: Iterator[Explained]) -> tuple[Counter[str], Counter[str]]:
    """Over images, the objects by what became of them (``found`` or a cause), and the detections by error kind."""
    objects: Counter[str] = Counter()
    detections: Counter[str] = Counter()
    for one in images:
        objects.update(str(fate.cause) if fate.cause else "found" for fate in one.fates)
        detections.update(str(kind) if kind else "hit" for _, kind in one.verdicts())
    return objects, detections
