"""Before stage 5: masks of ground truth that has boxes only, by the segmenter; whatever is measured by them is pseudo.

Data sets without masks can be measured by boxes alone. Their segm figures compare with masks that the run's own
segmenter makes inside the true boxes, as the published figures for PASCAL VOC do with another one. They say nothing of
masks that are wrong in the same way on both sides, so every table calls them pseudo. No figure of boxes changes.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ntt.compute.precision import arithmetic
from ntt.data.coco import Annotation, ImageRecord
from ntt.data.drawn_shapes import rectangle_polygon
from ntt.data.polygons import united_rle
from ntt.errors import NotFinite
from ntt.foreign.documents import read_json
from ntt.proposals.prompted import embed_image, segment_objects
from ntt.screen.progress import track
from ntt.segmenters.prompts import box_prompts
from ntt.stages.keyed_images import keyed_image
from ntt.stages.shards import image_path
from ntt.stages.soundness import annotations_of
from ntt.stages.stage import Outcome, Stage
from ntt.stages.workspace import Workspace, once_per_run
from ntt.store.artifacts import MADE_AGAIN, Artifact
from ntt.store.files import write_json

log = logging.getLogger(__name__)
CODE = 1  # raised with whatever changes bytes: tests/stages/test_versions.py watches the source
SOURCE = ("ntt.compute", "ntt.data.images", "ntt.masks", "ntt.networks", "ntt.proposals.prompted", "ntt.segmenters")
_FILE = "masks.json"
_AT_ONCE = 64  # boxes that are decoded together: a crowded image is no reason to run out of memory
Rle = dict[str, Any]


@dataclass(frozen=True)
class TruthShard:
    """Some target images with the objects whose masks are one artifact: a list an image, an RLE or null an object."""

    records: list[ImageRecord]
    objects: list[list[Annotation]]
    artifact: Artifact


@once_per_run
def boxed(work: Workspace) -> dict[int, list[Annotation]]:
    """The ground truth of each image of this run, where it has boxes only; nothing where it has masks or gets none."""
    inputs = work.inputs
    if not (inputs.has_truth and work.config.dataset.pseudo_truth):
        return {}
    by_image: dict[int, list[Annotation]] = defaultdict(list)
    images = [record.id for record in inputs.target_records]
    for annotation in annotations_of(inputs.targets, inputs.target_category.values(), images):
        if annotation.segmentation is not None:
            return {}
        by_image[annotation.image_id].append(annotation)
    return dict(by_image)


@once_per_run
def shards(work: Workspace) -> list[TruthShard]:
    """All of this run, made or not; keys hold the images, the boxes and the segmenter."""
    found, size = boxed(work), work.config.store.shard_size
    records = [record for record in work.inputs.target_records if record.id in found]
    every = []
    for start in range(0, len(records), size):
        some = records[start : start + size]
        objects = [found[record.id] for record in some]
        images = [
            [work.digests.of(image_path(work, record)), record.height, record.width, [one.bbox for one in boxes]]
            for record, boxes in zip(some, objects, strict=True)
        ]
        made_from = {"code": CODE, "images": images, "segmenter": work.segmenter_identity}
        every.append(TruthShard(some, objects, work.store.artifact("truth", made_from, work.sources.of(*SOURCE))))
    return every


def pseudo_masks(work: Workspace) -> tuple[dict[int, Rle], int]:
    """The mask of each ground truth object by its annotation id, and how many of them are no more than the box.

    Raises:
        InputError: they have not been made, and stage truth is not part of this run.
    """
    masks: dict[int, Rle] = {}
    boxes = 0
    for shard in shards(work):
        kept = read_json(work.require(shard.artifact).path / _FILE, MADE_AGAIN)
        for record, objects, rles in zip(shard.records, shard.objects, kept, strict=True):
            for one, rle in zip(objects, rles, strict=True):
                boxes += rle is None
                masks[one.id] = rle or _box_mask(one, record)
    return masks, boxes


def _box_mask(one: Annotation, record: ImageRecord) -> Rle:
    """Where the segmenter finds nothing in a box, or the image cannot be read."""
    x, y, width, height = one.bbox
    rle = united_rle([rectangle_polygon((x, y), (x + width, y + height))], record.height, record.width)
    return {"size": [record.height, record.width], "counts": rle["counts"].decode("ascii")}


def _make(work: Workspace, shard: TruthShard, folder: Path) -> None:
    rows: list[list[Rle | None]] = []
    for record, objects in zip(shard.records, shard.objects, strict=True):
        image = keyed_image(work, image_path(work, record), record)
        rows.append([None] * len(objects) if image is None else _masks(work, image, record, objects))
    write_json(folder / _FILE, rows)


@torch.no_grad()
def _masks(
    work: Workspace, image: NDArray[np.uint8], record: ImageRecord, objects: list[Annotation]
) -> list[Rle | None]:
    height, width = image.shape[:2]
    boxes = torch.tensor([[x, y, x + w, y + h] for x, y, w, h in (one.bbox for one in objects)])
    found: list[Rle | None] = []
    try:
        embedding = embed_image(work.segmenter, image)
        for some in box_prompts(boxes).split(_AT_ONCE):
            found += segment_objects(work.segmenter, embedding, some, height, width)
    except FloatingPointError as error:
        raise NotFinite(str(error), image_path(work, record)) from error
    return [rle if rle and _covers(rle) else None for rle in found]


def _covers(rle: Rle) -> bool:
    from pycocotools import mask as coco_mask

    return bool(coco_mask.area(rle))


class Truth(Stage):
    """Makes the masks that ground truth lacks; divided among the processes of a run, as the proposals are."""

    makes = "masks of ground truth"
    shared = True

    def skipped(self, work: Workspace) -> str:
        """Where there is no ground truth, where it has masks, and where none are wanted."""
        if not work.inputs.has_truth:
            return "the targets have no ground truth"
        if not work.config.dataset.pseudo_truth:
            return "dataset.pseudo_truth=false"
        return "" if boxed(work) else "the ground truth has masks, or no object"

    def run(self, work: Workspace) -> Outcome:
        """See :meth:`Stage.run`; again where an image was lost on the way: each is lost once."""
        made = 0
        while True:
            every = {shard.artifact.key: shard for shard in shards(work)}
            missing, _ = work.store.missing([shard.artifact for shard in every.values()])
            made += self._obtain(work, every, missing)
            if all(shard.artifact.exists() for shard in shards(work)):
                break
            work.derived.clear()
        masks, boxes = pseudo_masks(work)
        outcome: Outcome = {"shards": len(every), "computed": made, "masks": len(masks) - boxes}
        return outcome | ({"boxes": boxes} if boxes else {})

    def _obtain(self, work: Workspace, every: dict[str, TruthShard], missing: list[Artifact]) -> int:
        if not missing:
            return 0
        log.info("the ground truth has boxes only: %s makes masks of it, and segm figures are pseudo", _name(work))
        progress = track(range(len(missing)), "masks of ground truth", unit="shards")
        next(progress)

        def make(artifact: Artifact) -> None:
            with artifact.writing() as folder:
                _make(work, every[artifact.key], folder)
            next(progress, None)

        def made_elsewhere(_: Artifact) -> None:
            next(progress, None)

        with arithmetic(work.device, work.precision):
            return work.store.obtain(missing, make, made_elsewhere)


def _name(work: Workspace) -> str:
    return str(work.config.segmenter.name)
