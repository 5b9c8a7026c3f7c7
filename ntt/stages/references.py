"""Stage 1: choose the reference objects of every class (docs/method.md, section 1)."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, cast

from ntt.config import RunConfig
from ntt.data.coco import Annotation, CocoDataset
from ntt.data.sampling import Reference, Shortage, fixed_references, sample_references
from ntt.data.soundness import check_annotations
from ntt.foreign.documents import read_json
from ntt.stages.fitted import without_references
from ntt.stages.soundness import sound_draw
from ntt.stages.stage import ArtifactStage, Outcome
from ntt.stages.workspace import Workspace, once_per_run
from ntt.store.artifacts import MADE_AGAIN, Artifact
from ntt.store.files import write_json

SOURCE = (
    "ntt.data",
    "ntt.fitted",
    "ntt.stages.fitted",
    "ntt.stages.inputs",
    "ntt.stages.references",
    "ntt.stages.soundness",
)
_LEFT_OUT = "left_out.json"


@once_per_run
def artifact(work: Workspace) -> Artifact:
    """Determined by the annotation file, the classes and the sampling options."""
    config, inputs = work.config, work.inputs
    fixed = config.dataset.reference_ids
    sampled = {"shots": config.shots, "seed": config.seed, "shortage": config.memory.shortage}
    given = {"fixed": fixed, "repeat_first": config.dataset.repeat_first}
    return work.store.artifact(
        "references",
        {
            "code": work.sources.of(*SOURCE),
            "annotations": inputs.references.sha256,
            "boxes": config.dataset.boxes,
            "categories": [[i, name] for i, name in inputs.categories.items()],
            "sampling": sampled if fixed is None else given,
        },
    )


def make(work: Workspace, folder: Path) -> dict[str, Any]:
    """Write `references.json`: a list of {category_id, image_id, annotation_id}, class by class."""
    chosen, unusable = _drawn(work)
    rows = [{"category_id": r.category_id, "image_id": r.image_id, "annotation_id": r.annotation_id} for r in chosen]
    write_json(folder / "references.json", rows)
    if unusable:
        write_json(folder / _LEFT_OUT, unusable)
    return {"references": len(rows), "classes": len(work.inputs.categories)}


def _drawn(work: Workspace) -> tuple[list[Reference], list[tuple[int, str]]]:
    classes = list(work.inputs.categories)
    return sound_draw(work.inputs.references, partial(draw, work.config, classes), work.config.dataset.prompted)


def draw(config: RunConfig, classes: list[int], dataset: CocoDataset) -> list[Reference]:
    """The references of a run, of classes by their ids.

    Raises:
        InputError: a class has too few, or none.
    """
    fixed = config.dataset.reference_ids
    if fixed is None:
        shortage = cast("Shortage", config.memory.shortage)  # validated with the config
        return sample_references(dataset, classes, config.shots, config.seed, shortage)
    return fixed_references(dataset, classes, None if fixed == "all" else fixed, config.dataset.repeat_first)


def foresee(work: Workspace) -> None:
    """See that references can be drawn, before any network is asked for, if this run is to draw them.

    Raises:
        InputError: a class has too few that can be used.
    """
    if "references" in work.config.stages and not without_references(work) and not artifact(work).exists():
        _drawn(work)


def left_out(work: Workspace) -> list[tuple[int, str]]:
    """(annotation id, reason) of what was drawn and could not be used; what a look at the file found is not here."""
    if without_references(work):
        return []
    file = artifact(work).path / _LEFT_OUT
    return [(identity, reason) for identity, reason in read_json(file, MADE_AGAIN)] if file.exists() else []


@once_per_run
def load(work: Workspace) -> list[Reference]:
    """The references of this run, grouped by class; of a fitted model none, for it holds their vectors alone."""
    if without_references(work):
        return []
    folder = work.require(artifact(work)).path
    return [Reference(**row) for row in read_json(folder / "references.json", MADE_AGAIN)]


def image_path(work: Workspace, one: Reference | Annotation) -> Path:
    """Where the image of a reference is."""
    return work.inputs.reference_images.path(work.inputs.references.images[one.image_id].file_name)


@once_per_run
def chosen_annotations(work: Workspace) -> dict[int, Annotation]:
    """The chosen annotations by id, what had to be derived for them included."""
    dataset = work.inputs.references
    ids = {reference.annotation_id for reference in load(work)}
    chosen = [annotation for annotation in dataset.annotations if annotation.id in ids]
    sound, _ = check_annotations(dataset, chosen, masks_needed=True, prompted=work.config.dataset.prompted)
    return {annotation.id: annotation for annotation in [*chosen, *sound]}


class References(ArtifactStage):
    """Chooses the examples."""

    makes = "references"

    def skipped(self, work: Workspace) -> str:
        """With a fitted model."""
        return without_references(work)

    def artifact(self, work: Workspace) -> Artifact:
        """See :func:`artifact`."""
        return artifact(work)

    def make(self, work: Workspace, folder: Path) -> Outcome:
        """See :func:`make`."""
        return make(work, folder)
