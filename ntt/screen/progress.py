"""Progress of a long loop: a bar on a terminal, plain log lines in a file, a pipe or a batch job."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

import rich
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

log = logging.getLogger(__name__)

T = TypeVar("T")

LINE_INTERVAL = 10.0  # seconds: log lines are never closer than this
LINE_PATIENCE = 60.0  # seconds: nor further apart than this, as long as items arrive


def track(items: Iterable[T], description: str, total: int | None = None, unit: str = "images") -> Iterator[T]:
    """Yield ``items`` unchanged while showing how far the loop is, its speed and the time left.

    On a terminal this is a bar on rich's shared console, so that log lines printed through ``RichHandler``
    appear above it. Elsewhere the same facts are logged: one line at the start, one at the end, and between
    them one for each tenth of the work or each minute, at least ten seconds apart.

    Args:
        items: what to iterate over.
        description: what is being done, such as ``"proposals"``.
        total: number of items; ``len(items)`` when it has a length, else unknown.
        unit: plural name of an item.
    """
    if total is None and isinstance(items, Sized):
        total = len(items)
    console = rich.get_console()
    if console.is_terminal:
        return _bar(items, description, total, unit, console)
    return _log_lines(items, description, total, unit)


def format_rate(count: int, seconds: float, unit: str) -> str:
    """Speed as a reader would say it: ``"3.1 images/s"``, or ``"12.4 s each"`` below one a second."""
    if count == 0 or seconds <= 0:
        return f"- {unit}/s"
    rate = count / seconds
    return f"{rate:.1f} {unit}/s" if rate >= 1 else f"{1 / rate:.1f} s each"


def format_duration(seconds: float) -> str:
    """Seconds as ``"8.2 s"``, ``"3 min 05 s"`` or ``"2 h 07 min"``."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


class _RateColumn(ProgressColumn):
    def __init__(self, unit: str) -> None:
        super().__init__()
        self.unit = unit

    def render(self, task: Task) -> Text:
        seconds = task.finished_time if task.finished else task.elapsed
        return Text(format_rate(int(task.completed), seconds or 0.0, self.unit), style="cyan")


def _bar(items: Iterable[T], description: str, total: int | None, unit: str, console: Console) -> Iterator[T]:
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        _RateColumn(unit),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        yield from progress.track(items, total=total, description=description)


def _log_lines(items: Iterable[T], description: str, total: int | None, unit: str) -> Iterator[T]:
    start = last_line = time.monotonic()
    last_tenth = 0
    done = 0
    of_total = "" if total is None else f" of {total}"
    log.info("%s: %s %s", description, "some" if total is None else total, unit)
    try:
        for item in items:
            yield item
            done += 1
            now = time.monotonic()
            tenth = 10 * done // total if total else 0
            waited = now - last_line
            if done == total or waited < LINE_INTERVAL or (tenth == last_tenth and waited < LINE_PATIENCE):
                continue
            last_line, last_tenth = now, tenth
            rate = format_rate(done, now - start, unit)
            left = f", {format_duration((now - start) * (total - done) / done)} left" if total else ""
            log.info("%s: %d%s %s, %s%s", description, done, of_total, unit, rate, left)
    finally:
        seconds = time.monotonic() - start
        rate = format_rate(done, seconds, unit)
        log.info("%s: %d%s %s in %s, %s", description, done, of_total, unit, format_duration(seconds), rate)
