"""Stage 5: compare the predictions with the ground truth, by the protocol of the config (COCO's)."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from ntt.evaluation.coco import restrict_ground_truth
from ntt.foreign.documents import read_object
from ntt.stages import left_out, truth
from ntt.stages.stage import METRICS, ArtifactStage, Outcome
from ntt.stages.workspace import Workspace, once_per_run
from ntt.store.artifacts import MADE_AGAIN, Artifact
from ntt.store.files import share, write_json

log = logging.getLogger(__name__)
SOURCE = (
    "ntt.data",
    "ntt.evaluation",
    "ntt.fitted",
    "ntt.stages.evaluate",
    "ntt.stages.fitted",
    "ntt.stages.inputs",
    "ntt.stages.left_out",
    "ntt.stages.pictures",
    "ntt.stages.soundness",
)
_FILE = "metrics.json"


@once_per_run
def artifact(work: Workspace) -> Artifact:
    """Determined by the predictions, the ground truth and the evaluator."""
    return work.store.artifact(
        "evaluate",
        {
            "code": work.sources.of(*SOURCE),
            "predictions": work.predictions_stage().artifact(work).key,
            "truth": work.inputs.targets.sha256,
            "pseudo masks": [shard.artifact.key for shard in truth.shards(work)],
            "invalid": work.config.dataset.invalid,
            "protocol": work.identity_of(work.config.evaluation),
        },
    )


def make(work: Workspace, folder: Path) -> dict[str, Any]:
    """Write `metrics.json`: the protocol's figures, the same per class, what of the input was left out.

    Where the masks of the ground truth were made by the segmenter, `pseudo` says so of the task `segm`.
    """
    actual, pseudo = ground_truth(work), pseudo_masks(work)
    metrics = work.config.evaluation.evaluate(actual, work.predictions_stage().load(work))
    if pseudo:
        metrics["pseudo"] = {"segm": pseudo}
    if counted := left_out.counts(work):
        metrics["input"] = counted
    write_json(folder / _FILE, metrics)
    return {"objects": len(actual["annotations"]), "classes": len(actual["categories"])}


def pseudo_masks(work: Workspace) -> dict[str, Any]:
    """Who made the masks of the ground truth, of how many objects, and how many are their box; empty for true ones."""
    if not truth.boxed(work):
        return {}
    masks, boxes = truth.pseudo_masks(work)
    return {"made by": work.config.segmenter.name, "objects": len(masks), "boxes": boxes}


def ground_truth(work: Workspace) -> dict[str, Any]:
    """The target file restricted to this run's images and classes, in COCO's own form; masks made where it has none."""
    inputs = work.inputs
    category_ids = [inputs.target_category[i] for i in inputs.categories]
    actual = restrict_ground_truth(inputs.targets, category_ids, [r.id for r in inputs.target_records])
    if truth.boxed(work):
        masks, _ = truth.pseudo_masks(work)
        for entry in actual["annotations"]:
            entry["segmentation"] = masks[entry["id"]]
    # A class that the target file does not know may be predicted, and has no ground truth.
    absent = {t: inputs.categories[r] for r, t in inputs.target_category.items() if t not in inputs.targets.categories}
    actual["categories"] += [{"id": identity, "name": name} for identity, name in absent.items()]
    return actual


def load(work: Workspace) -> dict[str, Any]:
    """The figures of this run."""
    return read_object(file(work), MADE_AGAIN)


def file(work: Workspace) -> Path:
    """Where the figures are in the store."""
    return work.require(artifact(work)).path / _FILE


class Evaluate(ArtifactStage):
    """Compares the predictions with the ground truth."""

    makes = METRICS

    def skipped(self, work: Workspace) -> str:
        """Where there is nothing to compare with."""
        return "" if work.inputs.has_truth else "the targets have no ground truth"

    def artifact(self, work: Workspace) -> Artifact:
        """See :func:`artifact`."""
        return artifact(work)

    def make(self, work: Workspace, folder: Path) -> Outcome:
        """See :func:`make`."""
        return make(work, folder)

    def publish(self, work: Workspace) -> None:
        """Show the file in the run's folder."""
        share(file(work), work.directory / _FILE)

    def metrics(self, work: Workspace) -> dict[str, Any]:
        """The figures of this run."""
        return load(work)
