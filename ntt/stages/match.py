"""Stage 4: give every proposal its class and every image its detections (method, section 5)."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from ntt.evaluation.files import read_predictions, write_predictions
from ntt.matching.match import match
from ntt.progress import track
from ntt.stages import memory, proposals
from ntt.stages.workspace import Workspace
from ntt.store import Artifact, share

CODE = 1
_FILE = "predictions.json"


def artifact(work: Workspace) -> Artifact:
    """Determined by the memory, the proposals, the matcher, and the ids that the target file uses."""
    inputs = work.inputs
    return work.store.artifact(
        "match",
        {
            "code": CODE,
            "memory": memory.artifact(work).key,
            "proposals": [shard.artifact.key for shard in proposals.shards(work)],
            "images": [record.id for record in inputs.target_records],
            "categories": [inputs.target_category[i] for i in inputs.categories],
            "matcher": asdict(work.config.matcher),
        },
    )


def make(work: Workspace, folder: Path) -> dict[str, Any]:
    """Write `predictions.json`, a standard COCO results file."""
    bank = memory.load(work)
    prototypes = bank.prototypes()
    category_ids = [work.inputs.target_category[i] for i in bank.category_ids]
    predictions: list[dict[str, Any]] = []
    images = track(proposals.load(work), "match", total=len(work.inputs.target_records))
    for record, found in images:
        detections = match(
            found.vectors.float(),
            found.predicted_iou,
            found.boxes_low,
            found.areas,
            found.overlaps,
            prototypes,
            work.config.matcher,
        )
        rows = zip(detections.proposals.tolist(), detections.labels.tolist(), detections.scores.tolist(), strict=True)
        for proposal, label, score in rows:
            x1, y1, x2, y2 = found.boxes[proposal].tolist()
            predictions.append(
                {
                    "image_id": record.id,
                    "category_id": category_ids[label],
                    "bbox": [x1, y1, x2 - x1, y2 - y1],
                    "segmentation": found.rle(proposal),
                    "score": score,
                }
            )
    write_predictions(folder / _FILE, predictions)
    return {"images": len(work.inputs.target_records), "detections": len(predictions)}


def load(work: Workspace) -> list[dict[str, Any]]:
    """The predictions of this run as COCO results."""
    return read_predictions(file(work))


def publish(work: Workspace) -> None:
    """Show the file in the run's folder."""
    share(file(work), work.directory / _FILE)


def file(work: Workspace) -> Path:
    """Where the predictions are in the store."""
    return work.require(artifact(work)).path / _FILE
