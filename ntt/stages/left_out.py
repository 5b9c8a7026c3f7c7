"""The input that a run did not use as it is, whether it was found out just now or by an earlier run."""

from __future__ import annotations

from collections import Counter
from typing import Any

from ntt.stages import encodings, memory, references
from ntt.stages.fitted import without_references
from ntt.stages.shards import shards
from ntt.stages.workspace import Workspace

_NAMED = 10


def sentences(work: Workspace) -> list[str]:
    """For the end of a run and for its report."""
    told = work.inputs.notes()
    if short := _short(work):
        told.append(
            f"{sum(short.values())} references are lacking (memory.shortage=take), for {len(short)} classes have fewer "
            f"than shots={work.config.shots}: "
            + ", ".join(f"{name!r} {work.config.shots - count}" for name, count in list(short.items())[:_NAMED])
            + (f" and {len(short) - _NAMED} more" if len(short) > _NAMED else "")
        )
    for entries, what in (
        (_of_no_use(work), f"of the references of {work.inputs.references.path} are left out"),
        (_unreadable(work), f"of the {len(work.inputs.target_records)} target images could not be read"),
    ):
        if entries:
            more = f"; and {len(entries) - _NAMED} more" if len(entries) > _NAMED else ""
            told.append(f"{len(entries)} {what}: {'; '.join(entries[:_NAMED])}{more}")
    return told


def counts(work: Workspace) -> dict[str, dict[str, int]]:
    """The same in numbers, for metrics.json; only what is not zero."""
    every: dict[str, dict[str, int]] = {key: dict(found) for key, found in work.inputs.counts().items()}
    if dropped := len(_of_no_use(work)):
        every.setdefault("references", {})["dropped"] = dropped
    if short := _short(work):
        every.setdefault("references", {})["lacking"] = sum(short.values())
    if unreadable := len(_unreadable(work)):
        every.setdefault("targets", {})["unreadable"] = unreadable
    return every


def _of_no_use(work: Workspace) -> list[str]:
    """References that were drawn and not used: their mask cannot be, or their picture."""
    if (
        without_references(work)
        or not _ran(work, "references", "memory", "match")
        or not references.artifact(work).exists()
    ):
        return []
    told = [f"annotation {identity}: {reason}" for identity, reason in references.left_out(work)]
    if not _ran(work, "memory", "match") or not memory.artifact(work).exists():
        return told
    return told + [
        f"annotation {one.annotation_id}: {reason}" for one, reason in encodings.dropped(work, references.load(work))
    ]


def _short(work: Workspace) -> dict[str, int]:
    """Class -> how many references less than `shots` were drawn of it, where that was allowed."""
    config = work.config
    drawn = config.dataset.reference_ids is None and config.memory.shortage == "take" and not without_references(work)
    if not drawn or not _ran(work, "references", "memory", "match") or not references.artifact(work).exists():
        return {}
    found = Counter(reference.category_id for reference in references.load(work))
    names = work.inputs.categories
    return {name: config.shots - found[identity] for identity, name in names.items() if found[identity] < config.shots}


def _unreadable(work: Workspace) -> list[str]:
    if not _ran(work, "proposals", "match"):
        return []
    entries: list[dict[str, Any]] = [entry for shard in shards(work) for entry in shard.unreadable()]
    return [f"{entry['file_name']}: {entry['reason']}" for entry in entries]


def _ran(work: Workspace, *names: str) -> bool:
    """Whether one of the stages is part of the run: the keys of others would cost the reading of all pictures."""
    return any(name in work.config.stages for name in names)
