"""How far each point of a sweep is, from what its processes recorded and what the scheduler says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from ntt.cluster.submissions import active_points
from ntt.foreign.documents import object_or_none
from ntt.processes.records import FOLDER, living, read_record
from ntt.reporting.tables import task_name
from ntt.sweeps.points import Point, read_points

_COLOURS = {"done": "green", "running": "cyan", "failed": "red", "stopped": "yellow"}


@dataclass(frozen=True)
class PointStatus:
    """One row of the table.

    Attributes:
        point: which.
        state: done; running or queued, when somebody takes care of it; failed; stopped, when it began and nobody does;
            missing, when it never began.
        host: where its first process ran last.
        progress: what it is at, or why it failed.
        shares: proposal shards that each of its processes computed.
        metrics: AP of bbox and segm as fractions, as tables call these tasks, as far as they were evaluated.
    """

    point: Point
    state: str
    host: str
    progress: str
    shares: dict[int, int]
    metrics: dict[str, float]


def read_status(sweep: Path) -> list[PointStatus]:
    """The points of a sweep in order.

    Raises:
        InputError: the folder holds no sweep.
    """
    points = read_points(sweep)
    active = active_points(sweep)
    alive = living(_first_record(point) for point in points if active.get(point.number) != "running")
    return [_status(point, active.get(point.number), _first_record(point) in alive) for point in points]


def _first_record(point: Point) -> Path:
    return point.directory / FOLDER / "0.json"


def _status(point: Point, scheduled: str | None, alive: bool) -> PointStatus:
    files = (point.directory / FOLDER).glob("*.json")
    ranks = {int(file.stem): entry for file in files if file.stem.isdigit() and (entry := read_record(file))}
    first = ranks.get(0, {})
    ranks = {number: entry for number, entry in ranks.items() if entry.get("launch") == first.get("launch")}
    failed = {number: entry for number, entry in sorted(ranks.items()) if entry.get("state") == "failed"}
    errors = [f"rank {number}: {entry.get('error', 'failed')}" for number, entry in failed.items()]
    if scheduled == "running" or alive:
        state = "running"
    elif first.get("state") == "done" and not errors:
        state = "done"
    elif scheduled:
        state = scheduled
    elif errors:
        state = "failed"
    else:
        state = "stopped" if point.directory.is_dir() else "missing"
    return PointStatus(
        point=point,
        state=state,
        host=first.get("host", ""),
        progress="; ".join(errors) if errors and state == "failed" else _progress(point, first, state),
        shares={number: _shards(entry) for number, entry in ranks.items()},
        metrics=_metrics(point.directory / "metrics.json") if state == "done" else {},
    )


def _progress(point: Point, first: dict[str, Any], state: str) -> str:
    wanted: Sequence[str] = point.config()["stages"]
    finished = [stage for stage in wanted if stage in first.get("stages", {})]
    if not first:
        return ""
    doing = next((stage for stage in wanted if stage not in finished), "")
    return f"{len(finished)}/{len(wanted)}" + (f" {doing}" if doing and state != "done" else "")


def _shards(entry: dict[str, Any]) -> int:
    return int(entry["stages"].get("proposals", {}).get("computed", 0))


def _metrics(file: Path) -> dict[str, float]:
    found: dict[str, float] = {}
    metrics = object_or_none(file) or {}
    for task, figures in metrics.items():
        match task, figures:
            case "bbox" | "segm", {"AP": int() | float() as precision}:
                found[task_name(metrics, task)] = float(precision)
    return found


def status_table(title: str, points: Sequence[PointStatus]) -> Table:
    """For the screen; AP in percent. What users and systems named is text, never markup."""
    table = Table(title=Text(title), title_justify="left")
    for name in ("point", "what", "state", "host", "progress", "shards by rank", "bbox AP", "segm AP"):
        figure = name in ("point", "bbox AP", "segm AP")
        table.add_column(name, justify="right" if figure else "left", no_wrap=figure, overflow="fold")
    for one in points:
        figures = [
            " ".join(f"{100 * ap:.2f}{task.removeprefix(wanted)}" for task, ap in one.metrics.items() if wanted in task)
            for wanted in ("bbox", "segm")
        ]
        cells = [
            Text(str(one.point.number)),
            Text(" ".join(f"{key}={value}" for key, value in one.point.swept.items())),
            Text(one.state, style=_COLOURS.get(one.state, "")),
            Text(one.host),
            Text(one.progress),
            Text(" + ".join(str(count) for _, count in sorted(one.shares.items()))),
        ]
        table.add_row(*cells, *figures)
    return table
