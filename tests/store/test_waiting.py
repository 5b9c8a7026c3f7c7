"""A wait for another process is said, with who it is and when it ends."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from ntt.store import waiting
from ntt.store.artifacts import Artifact
from ntt.store.store import Store


def make(artifact: Artifact) -> None:
    with artifact.writing() as folder:
        (folder / "made").write_text("")


@pytest.fixture
def dead(tmp_path: Path) -> tuple[Store, Artifact]:
    """A store with a lease that a crashed host left."""
    store = Store(tmp_path, lease_seconds=1.0)
    artifact = store.artifact("references", {"a": 1})
    lease = {"token": "dead", "machine": "another boot", "process": "4711 99", "host": "node17"}
    (tmp_path / "leases").mkdir(exist_ok=True)
    (tmp_path / "leases" / f"references-{artifact.key}.lease").write_text(json.dumps(lease))
    return store, artifact


def test_a_crashed_host_is_named_while_its_lease_runs_out(dead, caplog, monkeypatch):
    monkeypatch.setattr(waiting, "_SILENT_SECONDS", 0.1)
    store, artifact = dead
    with caplog.at_level("INFO"):
        assert store.obtain([artifact], make) == 1
    (said,) = [record.message for record in caplog.records]
    assert said.startswith(
        f"waiting for references {artifact.key}: process 4711 on node17 is making it; without a sign"
    )


def test_a_short_wait_needs_no_word(tmp_path, caplog):
    store = Store(tmp_path)
    artifact = store.artifact("references", {"a": 1})
    with store.claim(artifact) as claim, caplog.at_level("INFO"):
        assert claim
        other = threading.Thread(target=Store(tmp_path).obtain, args=([artifact], make))
        other.start()
        make(artifact)
        other.join()
    assert "waiting" not in caplog.text
