"""Stage 1: choose the reference objects of every class (docs/method.md, section 1)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from ntt.data.sampling import Reference, Shortage, fixed_references, sample_references
from ntt.foreign.documents import read_json
from ntt.stages.workspace import Workspace, once_per_run
from ntt.store.artifacts import MADE_AGAIN, Artifact
from ntt.store.files import write_json

CODE = 2


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
            "code": CODE,
            "annotations": inputs.references.sha256,
            "categories": [[i, name] for i, name in inputs.categories.items()],
            "sampling": sampled if fixed is None else given,
        },
    )


def make(work: Workspace, folder: Path) -> dict[str, Any]:
    """Write `references.json`: a list of {category_id, image_id, annotation_id}, class by class."""
    config, inputs = work.config, work.inputs
    fixed = config.dataset.reference_ids
    if fixed is None:
        shortage = cast("Shortage", config.memory.shortage)  # validated with the config
        chosen = sample_references(inputs.references, list(inputs.categories), config.shots, config.seed, shortage)
    else:
        ids = None if fixed == "all" else fixed
        chosen = fixed_references(inputs.references, list(inputs.categories), ids, config.dataset.repeat_first)
    rows = [{"category_id": r.category_id, "image_id": r.image_id, "annotation_id": r.annotation_id} for r in chosen]
    write_json(folder / "references.json", rows)
    return {"references": len(rows), "classes": len(inputs.categories)}


@once_per_run
def load(work: Workspace) -> list[Reference]:
    """The references of this run, grouped by class."""
    folder = work.require(artifact(work)).path
    return [Reference(**row) for row in read_json(folder / "references.json", MADE_AGAIN)]
