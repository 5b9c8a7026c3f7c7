from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pytest
import rich
from rich.console import Console

from ntt.screen import progress
from ntt.screen.progress import format_duration, format_rate, track


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A hand-turned clock: tests add seconds to its only entry."""
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def off_terminal(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    monkeypatch.setattr(rich, "get_console", lambda: Console(file=io.StringIO(), force_terminal=False))
    caplog.set_level(logging.INFO, logger="ntt.screen.progress")
    return caplog


def test_items_pass_through_unchanged_and_a_fast_loop_logs_two_lines(
    off_terminal: pytest.LogCaptureFixture, clock: list[float]
) -> None:
    seen = []
    for item in track(["a", "b", "c", "d"], "proposals"):
        seen.append(item)
        clock[0] += 0.5
    assert seen == ["a", "b", "c", "d"]
    assert off_terminal.messages == ["proposals: 4 images", "proposals: 4 of 4 images in 2.0 s, 2.0 images/s"]


def test_lines_come_each_tenth_with_rate_and_time_left(
    off_terminal: pytest.LogCaptureFixture, clock: list[float]
) -> None:
    for _ in track(range(20), "matching", unit="shards"):
        clock[0] += 15.0
    lines = off_terminal.messages
    assert lines[1] == "matching: 2 of 20 shards, 15.0 s each, 4 min 30 s left"
    assert len(lines) == 1 + 9 + 1  # the last tenth is the closing line


def test_slow_items_still_report_each_minute(off_terminal: pytest.LogCaptureFixture, clock: list[float]) -> None:
    for _ in track(range(1000), "proposals"):
        clock[0] += 7.0
        if clock[0] > 400:
            break
    middle = off_terminal.messages[1:-1]
    assert len(middle) == 4  # 300 s, one line after each ninth item (63 s)
    assert middle[0].startswith("proposals: 9 of 1000 images, 7.0 s each")


def test_unknown_total_has_no_time_left(off_terminal: pytest.LogCaptureFixture, clock: list[float]) -> None:
    def endless() -> Iterator[int]:
        yield from range(10)

    for _ in track(endless(), "reading"):
        clock[0] += 61.0
    assert off_terminal.messages[1] == "reading: 1 images, 61.0 s each"
    assert "left" not in off_terminal.text


def test_an_abandoned_loop_closes_with_what_was_done(
    off_terminal: pytest.LogCaptureFixture, clock: list[float]
) -> None:
    iterator = track(range(5), "matching")
    next(iterator)
    clock[0] += 1.0
    next(iterator)
    iterator.close()  # type: ignore[attr-defined]
    assert off_terminal.messages[-1].startswith("matching: 1 of 5 images in 1.0 s")


def test_terminal_shows_count_rate_and_no_log_lines(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(rich, "get_console", lambda: Console(file=screen, force_terminal=True, width=120))
    caplog.set_level(logging.INFO)
    assert list(track(iter([1, 2, 3]), "proposals", total=3)) == [1, 2, 3]
    assert "3/3" in screen.getvalue()
    assert "images/s" in screen.getvalue()
    assert caplog.messages == []


@pytest.mark.parametrize(
    ("count", "seconds", "text"),
    [(31, 10.0, "3.1 images/s"), (10, 124.0, "12.4 s each"), (0, 5.0, "- images/s"), (3, 0.0, "- images/s")],
)
def test_rate(count: int, seconds: float, text: str) -> None:
    assert format_rate(count, seconds, "images") == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(8.24, "8.2 s"), (59.97, "1 min 00 s"), (185.0, "3 min 05 s"), (7620.0, "2 h 07 min")],
)
def test_duration(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text
