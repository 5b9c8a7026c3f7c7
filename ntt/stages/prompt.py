"""Between stages 1 and 2: masks of references that have only a box or clicks, by the segmenter (docs/method.md, 6).

The result is an ordinary COCO json, and a sheet of pictures to check it by: whoever is not content corrects the masks
and goes on with that file.
"""

from __future__ import annotations

import json
import logging
import math
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from pycocotools import mask as coco_mask
from torch import Tensor

from ntt.data.coco import Annotation
from ntt.data.images import UnreadableImage, load_image
from ntt.foreign.documents import read_json
from ntt.proposals.prompted import embed_image, segment_objects
from ntt.reporting.colours import class_colours
from ntt.reporting.references import references_sheet
from ntt.segmenters.prompts import box_prompts, labelled
from ntt.stages import references
from ntt.stages.stage import ArtifactStage, Outcome
from ntt.stages.workspace import Workspace, once_per_run
from ntt.store.artifacts import MADE_AGAIN, Artifact
from ntt.store.files import share, write_json

if TYPE_CHECKING:
    from ntt.config import RunConfig

log = logging.getLogger(__name__)
SOURCE = ("ntt.proposals.prompted", "ntt.segmenters", "ntt.stages.prompt")
_FILE = "prompted_references.json"
_SHEET = "prompted_references.jpg"
_CONTEXT = 0.2


@once_per_run
def prompted(work: Workspace) -> list[Annotation]:
    """The chosen references without a mask, in the order of the file."""
    chosen = references.chosen_annotations(work)
    return [annotation for annotation in chosen.values() if annotation.segmentation is None]


@once_per_run
def artifact(work: Workspace) -> Artifact:
    """Determined by the images, the boxes and clicks, and the segmenter."""
    images = work.inputs.references.images
    objects = []
    for one in prompted(work):
        image = work.digests.of(work.inputs.reference_images.path(images[one.image_id].file_name))
        objects.append([one.id, image, None if math.isnan(one.bbox[0]) else one.bbox, one.points])
    return work.store.artifact(
        "prompt",
        {"code": work.sources.of(*SOURCE), "objects": objects, "segmenter": work.segmenter_identity},
    )


def make(work: Workspace, folder: Path) -> Outcome:
    """Write the references as a COCO json whose annotations have masks, and the sheet."""
    dataset = work.inputs.references
    by_image: dict[int, list[Annotation]] = defaultdict(list)
    for annotation in prompted(work):
        by_image[annotation.image_id].append(annotation)
    done: list[Annotation] = []
    failed: list[tuple[int, str]] = []
    for image_id, objects in by_image.items():
        record = dataset.images[image_id]
        try:
            image = load_image(work.inputs.reference_images.path(record.file_name), (record.height, record.width))
        except UnreadableImage as error:
            failed += [(one.id, str(error)) for one in objects]
            continue
        embedding = embed_image(work.segmenter, image)
        for one in objects:
            (rle,) = segment_objects(work.segmenter, embedding, prompt_of(one), record.height, record.width)
            if not coco_mask.area(rle):
                failed.append((one.id, "the segmenter found nothing there"))
                continue
            x, y, w, h = map(float, coco_mask.toBbox(rle))
            done.append(replace(one, segmentation=rle, bbox=(x, y, w, h), area=float(coco_mask.area(rle)), faults=None))
    write_json(folder / _FILE, _as_coco(work, done))
    write_json(folder / "failed.json", failed)
    _sheet(work, done).save(folder / _SHEET, quality=88)
    for identity, reason in failed:
        log.warning("reference %d got no mask: %s", identity, reason)
    return {"masks": len(done), **({"without": len(failed)} if failed else {})}


def prompt_of(annotation: Annotation) -> Tensor:
    """The prompt ``[1, K, 3]`` in pixels of the image: the box where there is one, and all clicks."""
    parts = []
    x, y, width, height = annotation.bbox
    if width > 0 and height > 0:
        parts.append(box_prompts(torch.tensor([[x, y, x + width, y + height]])))
    for label in (1, 0):
        some = [[px, py] for px, py, inside in annotation.points if int(inside) == label]
        if some:
            parts.append(labelled(torch.tensor([some]), (label,) * len(some)))
    return torch.cat(parts, dim=1)


@once_per_run
def completed_annotations(work: Workspace) -> dict[int, Annotation]:
    """The chosen annotations by id, each with a mask; those that got none are as they were."""
    chosen = references.chosen_annotations(work)
    if not prompted(work):
        return chosen
    rows = read_json(work.require(artifact(work)).path / _FILE, MADE_AGAIN)["annotations"]
    masks = {row["id"]: row for row in rows}
    return {
        identity: replace(
            one,
            segmentation=masks[identity]["segmentation"],
            bbox=tuple(masks[identity]["bbox"]),
            area=masks[identity]["area"],
        )
        if identity in masks
        else one
        for identity, one in chosen.items()
    }


def _as_coco(work: Workspace, annotations: list[Annotation]) -> dict[str, Any]:
    dataset = work.inputs.references
    used = {annotation.image_id for annotation in annotations}
    return {
        "info": {"description": f"masks by {work.config.segmenter.name} from boxes and clicks: look at {_SHEET}"},
        "images": [
            {"id": r.id, "file_name": r.file_name, "height": r.height, "width": r.width}
            for r in dataset.images.values()
            if r.id in used
        ],
        "categories": [{"id": i, "name": name} for i, name in dataset.categories.items()],
        "annotations": [
            {
                "id": one.id,
                "image_id": one.image_id,
                "category_id": one.category_id,
                "bbox": list(one.bbox),
                "area": one.area,
                "iscrowd": 0,
                "segmentation": one.segmentation,
            }
            for one in annotations
        ],
    }


def _sheet(work: Workspace, done: list[Annotation]) -> Any:
    """Every new mask on its object."""
    from ntt.memory.crops import crop_window

    dataset = work.inputs.references
    tiles: dict[str, list[Annotation]] = {}
    for one in done:
        tiles.setdefault(dataset.categories[one.category_id], []).append(one)

    def load(one: Annotation) -> tuple[Any, Any]:
        record = dataset.images[one.image_id]
        image = load_image(work.inputs.reference_images.path(record.file_name), (record.height, record.width))
        left, top, right, bottom = crop_window(one.bbox, record.height, record.width, _CONTEXT)
        return image[top:bottom, left:right], coco_mask.decode(one.segmentation)[top:bottom, left:right]

    return references_sheet(tiles, load, class_colours(dataset.categories.values()), "masks made from boxes and clicks")


class Prompt(ArtifactStage):
    """Makes the masks that references lack."""

    makes = "masks of references"

    def needs(self, config: RunConfig) -> tuple[str, ...]:
        """The examples."""
        del config
        return ("references",)

    def skipped(self, work: Workspace) -> str:
        """Where every reference has a mask."""
        return "" if prompted(work) else "every reference has a mask"

    def artifact(self, work: Workspace) -> Artifact:
        """See :func:`artifact`."""
        return artifact(work)

    def make(self, work: Workspace, folder: Path) -> Outcome:
        """See :func:`make`."""
        return make(work, folder)

    def publish(self, work: Workspace) -> None:
        """Show json and sheet in the run's folder."""
        if prompted(work):
            for name in (_FILE, _SHEET):
                share(work.require(artifact(work)).path / name, work.directory / name)


def failures(work: Workspace) -> list[tuple[int, str]]:
    """(annotation id, reason) of references that got no mask."""
    if not prompted(work):
        return []
    found = json.loads((artifact(work).path / "failed.json").read_bytes())
    return [(identity, reason) for identity, reason in found]
