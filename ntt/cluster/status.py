"""How far each point of a sweep is, from what its processes recorded and what the scheduler says."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from ntt.cluster.submissions import active_points, process_runs
from ntt.foreign.documents import object_or_none
from ntt.processes.records import beats, read_record
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
        metrics: AP of bbox and segm as fractions, as far as they were evaluated.
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
    return [_status(point, active.get(point.number)) for point in points]


def _status(point: Point, scheduled: str | None) -> PointStatus:
    records = point.directory / "ranks"
    ranks = {int(file.stem): record for file in records.glob("*.json") if (record := read_record(file))}
    first = ranks.get(0, {})
    errors = [f"rank {number}: {entry['error']}" for number, entry in sorted(ranks.items()) if entry.get("error")]
    alive = first.get("state") == "running" and _alive(first, records / "0.json")
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


def _alive(entry: dict[str, Any], file: Path) -> bool:
    if entry["host"] == socket.gethostname():
        return process_runs(entry["host"], entry["pid"])
    return beats(file)


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
    for task, figures in (object_or_none(file) or {}).items():
        match task, figures:
            case "bbox" | "segm", {"AP": int() | float() as precision}:
                found[task] = float(precision)
    return found


def status_table(title: str, points: Sequence[PointStatus]) -> Table:
    """For the screen; AP in percent."""
    table = Table(title=title, title_justify="left")
    for name in ("point", "what", "state", "host", "progress", "shards by rank", "bbox AP", "segm AP"):
        table.add_column(name, justify="right" if name in ("point", "bbox AP", "segm AP") else "left")
    for one in points:
        colour = _COLOURS.get(one.state)
        figures = [f"{100 * one.metrics[task]:.2f}" if task in one.metrics else "" for task in ("bbox", "segm")]
        table.add_row(
            str(one.point.number),
            " ".join(f"{key}={value}" for key, value in one.point.swept.items()),
            f"[{colour}]{one.state}[/]" if colour else one.state,
            one.host,
            one.progress,
            " + ".join(str(count) for _, count in sorted(one.shares.items())),
            *figures,
        )
    return table
