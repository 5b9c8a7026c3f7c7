"""Progress of a transfer in bytes: a bar on a terminal, plain log lines elsewhere."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import rich
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from ntt.screen.progress import LINE_INTERVAL, LINE_PATIENCE, format_duration

log = logging.getLogger(__name__)

# Called with the bytes that are there and the bytes there will be (None: unknown).
Report = Callable[[int, int | None], None]


def format_size(size: float) -> str:
    """Bytes as a reader would say it, in powers of 1000: ``"897 B"``, ``"88.3 MB"``, ``"1.2 GB"``."""
    for unit in ("B", "kB", "MB"):
        if size < 999.5:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"


@contextmanager
def track_bytes(description: str) -> Iterator[Report]:
    """A function that is told how far a transfer is, and shows it with speed and time left.

    The speed counts only what arrives from now on: a resumed transfer does not look faster than it is.
    """
    console = rich.get_console()
    with _bar(description, console) if console.is_terminal else _log_lines(description) as report:
        yield report


@contextmanager
def _bar(description: str, console: Console) -> Iterator[Report]:
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(description, total=None)

        def report(done: int, total: int | None) -> None:
            if done < progress.tasks[task].completed or progress.tasks[task].completed == 0:
                progress.reset(task, completed=done, total=total)
            else:
                progress.update(task, completed=done, total=total)

        yield report


@contextmanager
def _log_lines(description: str) -> Iterator[Report]:
    start = last_line = time.monotonic()
    first: int | None = None
    done, tenth = 0, 0

    def report(now_done: int, total: int | None) -> None:
        nonlocal first, done, last_line, tenth, start
        now = time.monotonic()
        if first is None or now_done < done:
            first, start, last_line = now_done, now, now
            of_total = f" of {format_size(total)}" if total else ""
            log.info("%s: %s%s", description, format_size(now_done), of_total)
        done = now_done
        waited = now - last_line
        reached = 10 * done // total if total else 0
        if done == total or waited < LINE_INTERVAL or (reached == tenth and waited < LINE_PATIENCE):
            return
        last_line, tenth = now, reached
        rate = (done - first) / (now - start)
        left = f", {format_duration((total - done) / rate)} left" if total and rate else ""
        of_total = f" of {format_size(total)}" if total else ""
        log.info("%s: %s%s, %s/s%s", description, format_size(done), of_total, format_size(rate), left)

    yield report
    seconds = time.monotonic() - start
    arrived = done - (first or 0)
    rate = f", {format_size(arrived / seconds)}/s" if seconds > 0 else ""
    log.info("%s: %s in %s%s", description, format_size(done), format_duration(seconds), rate)
