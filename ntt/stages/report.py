"""Stage 6: what people look at: tables, overlays of ground truth beside predictions, a sheet of the references."""

from __future__ import annotations

import logging
from collections import defaultdict
from pathlib import Path
from typing import Any

from pycocotools import mask as coco_mask

from ntt.compute.home import shortened
from ntt.data.coco import Annotation
from ntt.data.geometry import annotation_mask
from ntt.data.images import UnreadableImage, load_image
from ntt.reporting.colours import class_colours
from ntt.reporting.overlays import side_by_side, single
from ntt.reporting.summary import report_markdown
from ntt.reporting.tables import coco_lines, metrics_table, per_class_table, remarks
from ntt.reporting.verdicts import Instance
from ntt.screen.tables import show_table
from ntt.screen.text import printable
from ntt.stages import evaluate, left_out, memory, references
from ntt.stages.sheets import memory_sheet, reference_sheet
from ntt.stages.stage import ArtifactStage, Outcome
from ntt.stages.workspace import Workspace, once_per_run
from ntt.store.artifacts import Artifact
from ntt.store.files import share

log = logging.getLogger(__name__)
SOURCE = (
    "ntt.data",
    "ntt.fitted",
    "ntt.memory.crops",
    "ntt.reporting",
    "ntt.stages.fitted",
    "ntt.stages.inputs",
    "ntt.stages.left_out",
    "ntt.stages.reference_maps",
    "ntt.stages.report",
    "ntt.stages.sheets",
    "ntt.stages.soundness",
)
_LONGEST = 120  # bytes of a picture's name; file systems take 255 with all that is put around it
_SHEET = "references.png"
_MEMORY = "memory.png"


@once_per_run
def artifact(work: Workspace) -> Artifact:
    """Determined by what is drawn: predictions, truth, references, and how many pictures."""
    inputs, options = work.inputs, work.config.report
    return work.store.artifact(
        "report",
        {
            "code": work.sources.of(*SOURCE),
            "predictions": work.predictions_stage().artifact(work).key,
            "truth": inputs.targets.sha256,
            "invalid": work.config.dataset.invalid,
            "memory": memory.artifact(work).key,
            "pictures": options.pictures,
            "score": options.score,
        },
    )


def make(work: Workspace, folder: Path) -> dict[str, Any]:
    """Write `overlays/*.jpg` of the first target images, `references.png` and `memory.png`; nothing for 0 pictures."""
    if not work.config.report.pictures:
        return {"pictures": 0}
    colours = class_colours(work.inputs.references.categories.values())
    chosen = references.load(work)
    reference_sheet(work, chosen, colours).save(folder / _SHEET)
    if chosen:
        memory_sheet(work, chosen, colours).save(folder / _MEMORY)
    overlays = folder / "overlays"
    overlays.mkdir()
    drawn = 0
    names = {work.inputs.target_category[i]: name for i, name in work.inputs.categories.items()}
    rows, annotations = _rows_by_image(work), _annotations_by_image(work)
    for record in work.inputs.target_records:
        if drawn == work.config.report.pictures:
            break
        path = work.inputs.target_images.path(record.file_name)
        try:
            image = load_image(path, (record.height, record.width) if record.height else None)
        except UnreadableImage:
            continue  # the proposals stage has reported it
        truth = [_instance(work, annotation, names[annotation.category_id]) for annotation in annotations[record.id]]
        predictions = [_predicted(row, names) for row in rows[record.id]]
        score, title = work.config.report.score, record.file_name
        if work.inputs.has_truth:
            picture = side_by_side(image, truth, predictions, colours, score, title=title)
        else:
            picture = single(image, predictions, colours, score, title=title)
        picture.save(overlays / f"{drawn:03d}_{_flat(record.file_name)}.jpg", quality=90)
        drawn += 1
    return {"pictures": drawn}


def _flat(file_name: str) -> str:
    """A picture's name without its suffix, folders kept: ``a/b.jpg`` -> ``a__b``."""
    parts = [part for part in Path(file_name).with_suffix("").parts if part not in ("/", "..", ".")]
    whole = printable("__".join(parts)).encode()
    return whole[-_LONGEST:].decode(errors="ignore")


def publish(work: Workspace) -> None:
    """Put the pictures into the run's folder and the tables on the screen."""
    shown: dict[str, str] = {}
    if work.config.report.pictures:
        folder = artifact(work).path
        for sheet in (_SHEET, _MEMORY):
            if not (folder / sheet).exists():  # of a fitted model nothing is known of patches
                continue
            share(folder / sheet, work.directory / sheet)
        for picture in pictures(work):
            share(picture, work.directory / "overlays" / picture.name)
            shown[picture.stem] = f"overlays/{picture.name}"
        shown["references"] = _SHEET
    # Without stage evaluate, or without a ground truth, there are pictures but no figures.
    if work.inputs.has_truth and evaluate.artifact(work).exists():
        metrics = evaluate.load(work)
        page = report_markdown(
            work.config.name,
            metrics,
            (work.config.report.published or {}).get(work.config.shots),
            shown,
            left_out.sentences(work),
            work.config.report.headline,
        )
        (work.directory / "report.md").write_text(shortened(page), encoding="utf-8")
        print("\n".join(coco_lines(metrics)))
        show_table(per_class_table(metrics, title="per class, %"))
        show_table(metrics_table(metrics, title=f"{work.config.name}, %"))
        for remark in remarks(metrics):
            print(remark)


def pictures(work: Workspace) -> list[Path]:
    """The overlays of this run, in the order of the target file."""
    return sorted((artifact(work).path / "overlays").glob("*.jpg"))


def _rows_by_image(work: Workspace) -> dict[int, list[dict[str, Any]]]:
    """The predictions of each image, still encoded: only a few images are drawn."""
    grouped: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in work.predictions_stage().load(work):
        grouped[row["image_id"]].append(row)
    return grouped


def _annotations_by_image(work: Workspace) -> dict[int, list[Annotation]]:
    """The ground truth of each image, of this run's classes and without crowds."""
    classes = set(work.inputs.target_category.values())
    grouped: dict[int, list[Annotation]] = defaultdict(list)
    for annotation in work.inputs.targets.annotations:
        if annotation.category_id in classes and not annotation.iscrowd:
            grouped[annotation.image_id].append(annotation)
    return grouped


def _predicted(row: dict[str, Any], names: dict[int, str]) -> Instance:
    x, y, width, height = row["bbox"]
    mask = coco_mask.decode(row["segmentation"])
    return Instance(mask, (x, y, x + width, y + height), names[row["category_id"]], row["score"])


def _instance(work: Workspace, annotation: Annotation, label: str) -> Instance:
    record = work.inputs.targets.images[annotation.image_id]
    mask = annotation_mask(annotation, record.height, record.width) if annotation.segmentation else None
    x, y, width, height = annotation.bbox
    return Instance(mask, (x, y, x + width, y + height), label)


class Report(ArtifactStage):
    """Draws, and writes the tables."""

    makes = "report"

    def artifact(self, work: Workspace) -> Artifact:
        """See :func:`artifact`."""
        return artifact(work)

    def make(self, work: Workspace, folder: Path) -> Outcome:
        """See :func:`make`."""
        return make(work, folder)

    def publish(self, work: Workspace) -> None:
        """See :func:`publish`."""
        publish(work)

    def pictures(self, work: Workspace) -> list[Path]:
        """See :func:`pictures`."""
        return pictures(work)
