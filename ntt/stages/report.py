"""Stage 6: what people look at: tables, overlays of ground truth beside predictions, a sheet of the references."""

from __future__ import annotations

import logging
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import rich
from PIL import Image
from pycocotools import mask as coco_mask

from ntt.data.coco import Annotation, annotation_mask
from ntt.data.images import UnreadableImage, load_image
from ntt.data.sampling import Reference
from ntt.memory.crops import crop_window
from ntt.reporting.colours import Colour, class_colours
from ntt.reporting.overlays import Instance, side_by_side
from ntt.reporting.references import references_sheet
from ntt.reporting.summary import report_markdown
from ntt.reporting.tables import coco_lines, metrics_table, per_class_table
from ntt.stages import evaluate, match, memory, references
from ntt.stages.workspace import Workspace
from ntt.store import Artifact, share

log = logging.getLogger(__name__)
CODE = 1
_CLUSTER_COLOURS = np.array([[0, 0, 0], [230, 90, 70], [70, 150, 230], [240, 200, 80], [110, 190, 110]], np.uint8)
_SHEET = "references.png"
_MEMORY = "memory.png"


def artifact(work: Workspace) -> Artifact:
    """Determined by what is drawn: predictions, truth, references, and how many pictures."""
    inputs, options = work.inputs, work.config.report
    return work.store.artifact(
        "report",
        {
            "code": CODE,
            "match": match.artifact(work).key,
            "truth": inputs.targets.sha256,
            "memory": memory.artifact(work).key,
            "pictures": options.pictures,
            "score": options.score,
        },
    )


def make(work: Workspace, folder: Path) -> dict[str, Any]:
    """Write `overlays/*.jpg` of the first target images, `references.png` and `memory.png`."""
    colours = class_colours(work.inputs.categories.values())
    _reference_sheet(work, colours).save(folder / _SHEET)
    _memory_sheet(work, colours).save(folder / _MEMORY)
    overlays = folder / "overlays"
    overlays.mkdir()
    drawn = 0
    by_image = _predictions_by_image(work)
    truth = _truth_by_image(work)
    for record in work.inputs.target_records:
        if drawn == work.config.report.pictures:
            break
        path = work.inputs.target_images / record.file_name
        try:
            image = load_image(path, (record.height, record.width) if record.height else None)
        except UnreadableImage:
            continue  # the proposals stage has reported it
        picture = side_by_side(
            image, truth[record.id], by_image[record.id], colours, score_threshold=work.config.report.score
        )
        picture.save(overlays / f"{drawn:03d}_{Path(record.file_name).stem}.jpg", quality=90)
        drawn += 1
    return {"pictures": drawn}


def publish(work: Workspace) -> None:
    """Put the pictures into the run's folder and the tables on the screen."""
    folder = artifact(work).path
    for sheet in (_SHEET, _MEMORY):
        share(folder / sheet, work.directory / sheet)
    for picture in pictures(work):
        share(picture, work.directory / "overlays" / picture.name)
    # Without stage evaluate, or without a ground truth, there are pictures but no figures.
    if work.inputs.has_truth and evaluate.artifact(work).exists():
        metrics = evaluate.load(work)
        page = report_markdown(
            work.config.name,
            metrics,
            work.config.report.published,
            {path.stem: f"overlays/{path.name}" for path in pictures(work)} | {"references": _SHEET},
        )
        (work.directory / "report.md").write_text(page, encoding="utf-8")
        print("\n".join(coco_lines(metrics)))
        console = rich.get_console()
        console.print(per_class_table(metrics, title="per class, %"))
        console.print(metrics_table(metrics, title=f"{work.config.name}, %"))


def pictures(work: Workspace) -> list[Path]:
    """The overlays of this run, in the order of the target file."""
    return sorted((artifact(work).path / "overlays").glob("*.jpg"))


def _reference_sheet(work: Workspace, colours: dict[str, Colour]) -> Image.Image:
    grouped: dict[str, list[Reference]] = {name: [] for name in work.inputs.categories.values()}
    for reference in references.load(work):
        grouped[work.inputs.categories[reference.category_id]].append(reference)

    return references_sheet(grouped, lambda reference: _crop(work, reference), colours)


def _memory_sheet(work: Workspace, colours: dict[str, Colour]) -> Image.Image:
    """Reference, its three principal components, its clusters: the picture to judge a reference by."""
    maps = memory.load_maps(work)
    grouped: dict[str, list[tuple[Reference, str]]] = {}
    for reference in memory.pictured(work):
        if f"pca.{reference.annotation_id}" in maps:
            row = grouped.setdefault(work.inputs.categories[reference.category_id], [])
            row += [(reference, kind) for kind in ("crop", "pca", "clusters")]

    def load(tile: tuple[Reference, str]) -> tuple[np.ndarray, np.ndarray]:
        reference, kind = tile
        if kind == "crop":
            return _crop(work, reference)
        values = maps[f"{kind}.{reference.annotation_id}"].numpy()
        picture = values if kind == "pca" else _CLUSTER_COLOURS[values]
        enlarged = picture.repeat(4, axis=0).repeat(4, axis=1)  # keeps the patches visible as squares
        return enlarged, np.zeros(enlarged.shape[:2], np.uint8)

    headline = "first references of each class: crop, principal components, clusters of its patches"
    return references_sheet(grouped, load, colours, headline)


def _crop(work: Workspace, reference: Reference) -> tuple[np.ndarray, np.ndarray]:
    """The reference's window of its image, uint8 [h, w, 3], and of its mask [h, w]; black if it is unreadable."""
    record = work.inputs.references.images[reference.image_id]
    annotation = work.reference_annotations[reference.annotation_id]
    try:
        image = load_image(work.inputs.reference_images / record.file_name, (record.height, record.width))
    except UnreadableImage:
        return np.zeros((1, 1, 3), np.uint8), np.zeros((1, 1), np.uint8)
    mask = annotation_mask(annotation, record.height, record.width)
    context = work.config.memory.context
    left, top, right, bottom = crop_window(annotation.bbox, record.height, record.width, context)
    return image[top:bottom, left:right], mask[top:bottom, left:right]


def _predictions_by_image(work: Workspace) -> dict[int, list[Instance]]:
    names = {work.inputs.target_category[i]: name for i, name in work.inputs.categories.items()}
    wanted = {record.id for record in work.inputs.target_records[: 2 * work.config.report.pictures]}
    grouped: dict[int, list[Instance]] = defaultdict(list)
    for row in match.load(work):
        if row["image_id"] in wanted:
            x, y, width, height = row["bbox"]
            mask = coco_mask.decode(row["segmentation"])
            label = names[row["category_id"]]
            grouped[row["image_id"]].append(Instance(mask, (x, y, x + width, y + height), label, row["score"]))
    return grouped


def _truth_by_image(work: Workspace) -> dict[int, list[Instance]]:
    names = {work.inputs.target_category[i]: name for i, name in work.inputs.categories.items()}
    wanted = {record.id for record in work.inputs.target_records[: 2 * work.config.report.pictures]}
    grouped: dict[int, list[Instance]] = defaultdict(list)
    for annotation in work.inputs.targets.annotations:
        if annotation.image_id in wanted and annotation.category_id in names and not annotation.iscrowd:
            grouped[annotation.image_id].append(_instance(work, annotation, names[annotation.category_id]))
    return grouped


def _instance(work: Workspace, annotation: Annotation, label: str) -> Instance:
    record = work.inputs.targets.images[annotation.image_id]
    mask = annotation_mask(annotation, record.height, record.width) if annotation.segmentation else None
    x, y, width, height = annotation.bbox
    return Instance(mask, (x, y, x + width, y + height), label)
