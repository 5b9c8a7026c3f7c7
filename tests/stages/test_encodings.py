"""Encodings that several threads make: each is told, also of those that end at the same moment."""

from __future__ import annotations

import concurrent.futures
from pathlib import Path
from types import SimpleNamespace

from ntt.stages import encodings
from ntt.store.artifacts import Artifact
from ntt.store.store import Store


def test_two_encodings_that_end_together_are_both_told(tmp_path: Path, monkeypatch) -> None:
    def wait(running, **_):
        """Both have ended; the first is what a wait for any of them happens to see."""
        concurrent.futures.wait(running)
        return SimpleNamespace(done=set(list(running)[:1]))

    def make(artifact: Artifact) -> None:
        with artifact.writing() as folder:
            (folder / "made").touch()

    monkeypatch.setattr("torch.get_num_threads", lambda: 2)
    monkeypatch.setattr(encodings, "wait", wait)
    store = Store(tmp_path)
    artifacts = [store.artifact("encodings", {"number": number}) for number in range(2)]

    told = list(encodings._obtain_in_threads(store, artifacts, make, lambda _: None))

    assert {one.key for one in told} == {one.key for one in artifacts}
