"""References that a class lacks, where memory.shortage=take allowed it: counted, and said at the end."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ntt.data.sampling import Reference
from ntt.stages import left_out, references


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Any:
    drawn = [Reference(1, 1, 1), Reference(2, 1, 2), Reference(2, 2, 3)]
    monkeypatch.setattr(references, "load", lambda _: drawn)
    monkeypatch.setattr(references, "artifact", lambda _: SimpleNamespace(exists=lambda: True))
    config = SimpleNamespace(
        dataset=SimpleNamespace(reference_ids=None, references="refs.json"),
        memory=SimpleNamespace(shortage="take"),
        stages=["references"],
        shots=2,
    )
    monkeypatch.setattr(references, "left_out", lambda _: [])
    inputs = SimpleNamespace(categories={1: "cup", 2: "bell"}, notes=list, counts=dict, target_records=[])
    inputs.references = SimpleNamespace(path="refs.json")
    return SimpleNamespace(config=config, inputs=inputs)


def test_what_take_lacks_is_counted_and_said(work: Any) -> None:
    (said,) = left_out.sentences(work)
    assert "1 references are lacking (memory.shortage=take), for 1 classes have fewer than shots=2: 'cup' 1" in said
    assert left_out.counts(work) == {"references": {"lacking": 1}}


def test_nothing_is_said_where_nothing_lacks(work: Any) -> None:
    work.config.shots = 1
    assert left_out.sentences(work) == []
    work.config.shots, work.config.memory.shortage = 2, "repeat"
    assert left_out.counts(work) == {}
