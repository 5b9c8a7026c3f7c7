from __future__ import annotations

import io
import logging

import pytest
import rich
from rich.console import Console

from ntt.screen import transfers as progress
from ntt.screen.transfers import format_size, track_bytes


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A hand-turned clock: tests add seconds to its only entry."""
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def off_terminal(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    monkeypatch.setattr(rich, "get_console", lambda: Console(file=io.StringIO(), force_terminal=False))
    caplog.set_level(logging.INFO, logger="ntt.screen.transfers")
    return caplog


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (88_283_115, "88.3 MB"), (19_336_861_798, "19.3 GB")],
)
def test_sizes_read_as_people_say_them(size: int, text: str) -> None:
    assert format_size(size) == text


def test_lines_come_each_tenth_with_rate_and_time_left(
    off_terminal: pytest.LogCaptureFixture, clock: list[float]
) -> None:
    with track_bytes("net.pth") as report:
        for done in range(0, 101, 5):
            report(done * 1_000_000, 100_000_000)
            clock[0] += 15.0
    lines = off_terminal.messages
    assert lines[0] == "net.pth: 0 B of 100.0 MB"
    assert lines[1] == "net.pth: 10.0 MB of 100.0 MB, 333.3 kB/s, 4 min 30 s left"
    assert len(lines) == 1 + 9 + 1
    assert lines[-1].startswith("net.pth: 100.0 MB in 5 min")


def test_a_resumed_transfer_does_not_look_faster_than_it_is(
    off_terminal: pytest.LogCaptureFixture, clock: list[float]
) -> None:
    with track_bytes("net.pth") as report:
        report(90_000_000, 100_000_000)
        clock[0] += 10.0
        report(100_000_000, 100_000_000)
    assert off_terminal.messages == ["net.pth: 90.0 MB of 100.0 MB", "net.pth: 100.0 MB in 10.0 s, 1.0 MB/s"]


def test_a_terminal_gets_a_bar_with_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(rich, "get_console", lambda: Console(file=screen, force_terminal=True, width=120))
    with track_bytes("net.pth") as report:
        report(0, 1000)
        report(1000, 1000)
        report(0, 2000)  # started over
        report(2000, 2000)
    assert "2.0/2.0 kB" in screen.getvalue()
