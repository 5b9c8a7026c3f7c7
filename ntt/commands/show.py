"""``ntt show``: why objects of a finished run were missed, and what its detections resemble."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ntt.config import read_config, user_path
from ntt.errors import InputError

if TYPE_CHECKING:
    from collections import Counter

    from ntt.stages.explain import Explained, Explanation

_CONFIG = ".hydra/config.yaml"
_DESCRIPTION = """\
Why was this missed? Of each object of an image: the proposal that came nearest to finding it and the step where it was
lost. Of each detection: its kind of error and the references that it resembles. Without --image: the counts over all
images. An object counts as found as in AP50: by a detection of its class with an IoU of 0.5. All of it is read from the
store; no network runs.
"""


def run(arguments: list[str], _conf: Path) -> int:
    """See the parser's help; returns the exit code."""
    given = _parser().parse_args(arguments)
    found = _open(user_path(given.run), given.score)
    if given.image is None:
        from ntt.stages.explain import count_causes

        objects, detections = count_causes(found.images())
        if given.json:
            print(json.dumps({"objects": objects, "detections": detections}, indent=2))
        else:
            _show_counts(objects, "object", found)
            _show_counts(detections, "detection", found)
        return 0
    one = found.image(found.record(given.image))
    told = {"image_id": one.record.id, "file_name": one.record.file_name}
    parts: dict[str, list[dict[str, Any]]] = {"objects": _objects(one, found), "detections": _detections(one, found)}
    if given.proposals:
        parts["proposals"] = _proposals(one, found)
    if given.json:
        print(json.dumps({**told, **parts}, indent=2, ensure_ascii=False))
        return 0
    for title, rows in parts.items():
        _show(f"{one.record.file_name} (image {one.record.id}): {len(rows)} {title}", rows)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ntt show", description=_DESCRIPTION)
    parser.add_argument("run", metavar="RUN", help="folder of a finished run (outputs/NAME/DATE)")
    parser.add_argument("--image", metavar="FILE|ID", help="a target image, by file name or id (all: counts only)")
    parser.add_argument("--score", type=float, default=0.0, metavar="0.5", help="detections below do not count (0)")
    parser.add_argument("--proposals", action="store_true", help="all proposals too, ranked by their best cosine")
    parser.add_argument("--json", action="store_true", help="print it as json")
    return parser


def _open(folder: Path, score: float) -> Explanation:
    from ntt.foreign.documents import read_yaml

    file = folder / _CONFIG
    if not file.is_file():
        raise InputError(f"{folder} holds no run (no {_CONFIG}): give the folder that its last line named.")
    from ntt.pipeline import open_stages
    from ntt.processes.ranks import Rank
    from ntt.stages.explain import Explanation
    from ntt.stages.workspace import Workspace

    config = read_config(read_yaml(file, "run it again"))
    return Explanation(Workspace(config, folder, Rank(), open_stages(config)), score)


def _objects(one: Explained, found: Explanation) -> list[dict[str, Any]]:
    names, steps, rows = found.bank.names, one.steps, []
    for annotation, label, fate in zip(one.truth, one.labels, one.fates, strict=True):
        row: dict[str, Any] = {"object": annotation.id, "class": names[label]}
        row |= {"what became of it": str(fate.cause or "found"), "proposal": fate.proposal, "IoU": round(fate.iou, 3)}
        detail = ""
        if fate.candidate is not None:
            score, merged = float(steps.scores[fate.candidate]), float(steps.merged[fate.candidate])
            detail = f"score {score:.3f}" + (f", merged to {merged:.3f}" if merged != score else "")
            if (by := int(steps.by[fate.candidate])) >= 0:
                verb = "dropped for" if fate.cause == "suppressed by a box of its class" else "lies in"
                detail += f"; {verb} proposal {int(steps.proposals[by])}"
        elif fate.proposal is not None:
            cosines = steps.cosines[fate.proposal]
            best = int(cosines.argmax())
            detail = f"cosine {float(cosines[label]):.3f}"
            detail += f", {names[best]} {float(cosines[best]):.3f}" if best != label else ""
        rows.append({**row, "why": detail})
    return rows


def _detections(one: Explained, found: Explanation) -> list[dict[str, Any]]:
    rows = []
    for candidate, kind in one.verdicts():
        proposal = int(one.steps.proposals[candidate])
        near = found.nearest(one.found.vectors[proposal])
        verdict = str(kind or "hit") if found.work.inputs.has_truth else "not known"
        rows.append(
            {
                "class": found.bank.names[int(one.steps.labels[candidate])],
                "score": round(float(one.steps.merged[candidate]), 3),
                "verdict": verdict,
                "proposal": proposal,
                "nearest references": ", ".join(f"{name} {number}: {cosine:.3f}" for name, number, cosine in near),
            }
        )
    return rows


def _proposals(one: Explained, found: Explanation) -> list[dict[str, Any]]:
    from ntt.reasons.steps import Step

    steps = one.steps
    order = sorted(range(len(steps.proposals)), key=lambda row: (-float(steps.scores[row]), row))
    return [
        {
            "proposal": int(steps.proposals[row]),
            "class": found.bank.names[int(steps.labels[row])],
            "score": round(float(steps.scores[row]), 3),
            "merged": round(float(steps.merged[row]), 3),
            "predicted IoU": round(float(one.found.predicted_iou[steps.proposals[row]]), 3),
            "came to": Step(int(steps.ended[row])).name.lower().replace("_", " "),
        }
        for row in order
    ]


def _show(title: str, rows: list[dict[str, Any]]) -> None:
    from rich.table import Table

    from ntt.screen.tables import show_table
    from ntt.screen.text import plain

    table = Table(title=plain(title), title_justify="left")
    for column in rows[0] if rows else ["nothing"]:
        table.add_column(column, justify="left" if rows and isinstance(rows[0][column], str) else "right")
    for row in rows:
        table.add_row(*(plain("" if value is None else str(value)) for value in row.values()))
    show_table(table)


def _show_counts(counts: Counter[str], what: str, found: Explanation) -> None:
    rows = [{what: name, "count": count} for name, count in counts.most_common()]
    title = f"{found.work.config.name}: {counts.total()} {what}s, score {found.score:g} or more"
    _show(title, rows)
