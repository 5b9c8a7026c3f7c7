"""Between stages 1 and 2: masks of references that have only a box or clicks, by the segmenter (docs/method.md, 6).

The result is an ordinary COCO json, and a sheet of pictures to check it by: whoever is not content corrects the masks
and goes on with that file.
"""

from __future__ import annotations

import logging
import math
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pycocotools import mask as coco_mask

from ntt.data.coco import Annotation
from ntt.data.images import load_image
from ntt.errors import NotFinite
from ntt.foreign.documents import read_json
from ntt.proposals.prompted import PromptableSegmenter, embed_image, segment_objects
from ntt.reporting.colours import class_colours
from ntt.reporting.references import references_sheet
from ntt.segmenters.decoding import Embedding
from ntt.segmenters.prompts import object_prompt
from ntt.stages import references
from ntt.stages.fitted import without_references
from ntt.stages.keyed_images import keyed_image
from ntt.stages.stage import ArtifactStage, Outcome
from ntt.stages.workspace import Workspace, once_per_run
from ntt.store.artifacts import MADE_AGAIN, Artifact
from ntt.store.files import share, write_json

if TYPE_CHECKING:
    from ntt.config import RunConfig

log = logging.getLogger(__name__)
SOURCE = ("ntt.proposals.prompted", "ntt.segmenters", "ntt.stages.keyed_images", "ntt.stages.prompt")
_FILE = "prompted_references.json"
_SHEET = "prompted_references.jpg"
_CONTEXT = 0.2


@once_per_run
def prompted(work: Workspace) -> list[Annotation]:
    """The chosen references without a mask, in the order of the file."""
    chosen = references.chosen_annotations(work)
    return [annotation for annotation in chosen.values() if annotation.segmentation is None]


def artifact(work: Workspace) -> Artifact:
    """Determined by the images, the boxes and clicks, and the segmenter; another one once an image is lost."""
    objects = []
    for one in prompted(work):
        image = work.digests.of(references.image_path(work, one))
        objects.append([one.id, image, None if math.isnan(one.bbox[0]) else one.bbox, one.points])
    return work.store.artifact(
        "prompt",
        {"code": work.sources.of(*SOURCE), "objects": objects, "segmenter": work.segmenter_identity},
    )


def make(work: Workspace, folder: Path) -> Outcome:
    """Write the references as a COCO json whose annotations have masks, and the sheet."""
    by_image: dict[int, list[Annotation]] = defaultdict(list)
    for annotation in prompted(work):
        by_image[annotation.image_id].append(annotation)
    done: list[Annotation] = []
    for objects in by_image.values():
        record = work.inputs.references.images[objects[0].image_id]
        image = keyed_image(work, references.image_path(work, objects[0]), record)
        embedding = None if image is None else embed_image(work.segmenter, image)
        for one in objects:
            completed = None
            if image is not None and embedding is not None:
                try:
                    completed = complete(work.segmenter, embedding, one, *image.shape[:2])
                except FloatingPointError as error:
                    raise NotFinite(str(error), references.image_path(work, one)) from error
            if completed is None:
                log.warning("reference %d got no mask", one.id)
            else:
                done.append(completed)
    write_json(folder / _FILE, _as_coco(work, done))
    _sheet(work, done).save(folder / _SHEET, quality=88)
    without = len(prompted(work)) - len(done)
    return {"masks": len(done), **({"without": without} if without else {})}


def complete(
    segmenter: PromptableSegmenter, embedding: Embedding, annotation: Annotation, height: int, width: int
) -> Annotation | None:
    """The annotation with the mask that its box or clicks name, and that mask's box; None where nothing is there.

    Args:
        segmenter: the one that embedded the image.
        embedding: of the annotation's image.
        annotation: with a box, clicks or both.
        height, width: of the image, in pixels.

    Raises:
        FloatingPointError: names the segmenter, whose numbers are not finite.
    """
    x, y, box_width, box_height = annotation.bbox
    box = (x, y, x + box_width, y + box_height) if box_width > 0 and box_height > 0 else None
    inside, outside = ([[px, py] for px, py, mark in annotation.points if mark == wanted] for wanted in (1, 0))
    (rle,) = segment_objects(segmenter, embedding, object_prompt(box, inside, outside), height, width)
    area = float(coco_mask.area(rle))
    if not area:
        return None
    x, y, w, h = map(float, coco_mask.toBbox(rle))
    return replace(annotation, segmentation=rle, bbox=(x, y, w, h), area=area, faults=None)


@once_per_run
def completed_annotations(work: Workspace) -> dict[int, Annotation]:
    """The chosen annotations by id, each with a mask; those that got none are as they were."""
    chosen = references.chosen_annotations(work)
    if not prompted(work):
        return chosen
    rows = read_json(work.require(artifact(work)).path / _FILE, MADE_AGAIN)["annotations"]
    masks = {row["id"]: row for row in rows}
    completed = dict(chosen)
    for identity, row in masks.items():
        mask = {"segmentation": row["segmentation"], "bbox": tuple(row["bbox"]), "area": row["area"]}
        completed[identity] = replace(chosen[identity], **mask)
    return completed


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
        image = load_image(references.image_path(work, one), (record.height, record.width))
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
        """Where every reference has a mask, or there is none."""
        return without_references(work) or ("" if prompted(work) else "every reference has a mask")

    def run(self, work: Workspace) -> Outcome:
        """See :meth:`ArtifactStage.run`; again where an image was lost on the way: each is lost once."""
        while True:
            outcome = super().run(work)
            if artifact(work).exists():
                return outcome

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
