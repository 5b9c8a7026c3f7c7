"""Detections for people and other programs: detections.json, skipped.json, and the formats that are asked for."""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ntt.compute.home import without_home
from ntt.data.images import stored_size
from ntt.exports.dataset import coco_dataset
from ntt.exports.protocol import FoundObject, Scene, make_exporter
from ntt.memory.separation import separating_score
from ntt.stages import encodings, memory, references
from ntt.stages.shards import shards
from ntt.stages.stage import Outcome, Stage
from ntt.stages.workspace import Workspace
from ntt.store.files import write_atomically, write_json

log = logging.getLogger(__name__)
Row = dict[str, Any]


class Export(Stage):
    """Writes into the run's folder; nothing of it is kept in the store, for it takes next to no time."""

    makes = "export"

    def run(self, work: Workspace) -> Outcome:
        """Write everything; say what a threshold might be."""
        config = work.config.export
        rows = [row for row in work.predictions_stage().load(work) if row["score"] >= config.threshold]
        scenes = list(_scenes(work, rows))
        left_out = skipped(work)
        _write_detections(work, scenes, rows)
        write_json(work.directory / "skipped.json", without_home(left_out))
        if left_out:
            log.warning("%d files or objects were skipped: %s", len(left_out), work.directory / "skipped.json")
        _write_formats(work, scenes)
        _suggest(work)
        outcome: Outcome = {"images": len(scenes), "detections": len(rows), "skipped": len(left_out)}
        return outcome | ({"formats": "+".join(config.formats)} if config.formats else {})


def skipped(work: Workspace) -> list[dict[str, str]]:
    """What was given and not used, each with the reason: `kind` is image, file or reference."""
    inputs = work.inputs
    found = [
        {"kind": "image", "file": str(inputs.target_images.path(entry["file_name"])), "reason": entry["reason"]}
        for shard in shards(work)
        for entry in shard.unreadable()
    ]
    found += [{"kind": "file", "file": str(file), "reason": reason} for file, reason in inputs.targets.left_out]
    dropped = [*references.left_out(work)]
    dropped += [(one.annotation_id, reason) for one, reason in encodings.dropped(work, references.load(work))]
    found += [
        {"kind": "reference", "file": str(inputs.references.path), "reason": f"annotation {identity}: {reason}"}
        for identity, reason in dropped
    ]
    if "references" in inputs.findings:
        found += [
            {"kind": "reference", "file": str(inputs.references.path), "reason": f"annotation {identity}: {reason}"}
            for identity, reason in inputs.findings["references"].unusable
        ]
    return found


def _names(work: Workspace) -> dict[int, str]:
    """The run's classes by the ids of the predictions."""
    inputs = work.inputs
    return {inputs.target_category[identity]: name for identity, name in inputs.categories.items()}


def _scenes(work: Workspace, rows: list[Row]) -> Iterator[Scene]:
    """Every image that was read, with its objects, best first as they are in the predictions."""
    inputs, names = work.inputs, _names(work)
    label = {identity: place for place, identity in enumerate(names)}
    by_image: dict[int, list[FoundObject]] = defaultdict(list)
    for row in rows:
        identity = row["category_id"]
        found = FoundObject(label[identity], names[identity], float(row["score"]), row["segmentation"])
        by_image[row["image_id"]].append(found)
    unreadable = {entry["file_name"] for shard in shards(work) for entry in shard.unreadable()}
    for record in inputs.target_records:
        if record.file_name not in unreadable:
            path = inputs.target_images.path(record.file_name)
            height, width = _size(record.height, record.width, by_image[record.id], path)
            yield Scene(record.id, record.file_name, path, height, width, by_image[record.id])


def _size(height: int, width: int, objects: list[FoundObject], path: Path) -> tuple[int, int]:
    if height and width:
        return height, width
    if objects:
        height, width = objects[0].rle["size"]
        return height, width
    return stored_size(path) or (0, 0)


def _write_detections(work: Workspace, scenes: list[Scene], rows: list[Row]) -> None:
    images = [
        {"id": one.image_id, "file_name": one.file_name, "height": one.height, "width": one.width} for one in scenes
    ]
    page = coco_dataset(images, _names(work), rows)
    write_atomically(work.directory / "detections.json", (json.dumps(page, ensure_ascii=False) + "\n").encode())


def _write_formats(work: Workspace, scenes: list[Scene]) -> None:
    config = work.config.export
    losses: dict[str, Any] = {"tolerance": config.tolerance, "threshold": config.threshold}
    for name in config.formats:
        exporter = make_exporter(name, work.directory / "exports" / name, list(_names(work).values()), config.tolerance)
        for scene in scenes:
            exporter.add(scene)
        exporter.finish()
        losses[name] = exporter.losses.summary()
    if config.formats:
        write_json(work.directory / "exports" / "loss.json", losses)


def _suggest(work: Workspace) -> None:
    """Tell the score at which the references themselves come apart; it is never applied."""
    found = separating_score(memory.load(work))
    if found is None:
        log.info("no threshold is suggested: that takes two classes, and two references of one of them")
    else:
        log.info(
            "a threshold to begin with: %.2f, which tells %.0f %% of the references from other classes "
            "(each left out of its own class; docs/python.md); threshold in use: %g",
            *(found.score, 100 * found.accuracy, work.config.export.threshold),
        )
