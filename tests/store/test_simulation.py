"""Schedules of processes that are killed, stall and are lied to by the file system: nothing is lost, nothing wrong."""

from __future__ import annotations

import pytest

pytest.importorskip("greenlet")
import store_simulation

from ntt.store import leases


def test_ten_thousand_schedules_lose_nothing():
    told = store_simulation.play(range(10_000))
    for what in (
        "processes killed",
        "processes stalled",
        "leases taken over",
        "lost answers of LINK",
        "stale reads",
        "input/output errors",
        "jumps of the file server's clock",
    ):
        assert told[what] > 100, what


def test_the_simulation_sees_an_artifact_without_what_was_taken_away(monkeypatch):
    """It can fail: a maker that does not look whose folder it publishes."""

    def publish(self, partial, path, recorded):
        self.world.folders.get(partial, {}).setdefault(".begun", "")
        return whole(self, partial, path, recorded)

    whole = store_simulation.Folders.publish
    monkeypatch.setattr(store_simulation.Folders, "publish", publish)
    monkeypatch.setattr(store_simulation.Folders, "begun", lambda *_: True)
    with pytest.raises(AssertionError, match=r"^schedule \d+: "):
        store_simulation.play(range(3000))


def test_the_simulation_sees_leases_that_never_run_out(monkeypatch):
    monkeypatch.setattr(leases.Leases, "_expired", lambda *_: False)
    with pytest.raises(AssertionError, match="never made"):
        store_simulation.play(range(200))
