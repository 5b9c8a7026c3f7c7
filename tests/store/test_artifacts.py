"""Equal inputs have equal keys, nothing is half-written, damage is seen."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntt.errors import InputError
from ntt.store.artifacts import TakenOver, fingerprint
from ntt.store.files import write_json
from ntt.store.folders import MANIFEST
from ntt.store.store import Store

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_a_fingerprint_does_not_depend_on_the_order_of_keys(inputs):
    assert fingerprint(inputs) == fingerprint(dict(reversed(list(inputs.items()))))


@given(JSON, JSON)
def test_different_inputs_have_different_fingerprints(a, b):
    same = json.dumps(a, sort_keys=True) == json.dumps(b, sort_keys=True)
    assert (fingerprint(a) == fingerprint(b)) == same


def test_an_artifact_appears_whole_and_with_its_manifest(tmp_path):
    artifact = Store(tmp_path).artifact("memory", {"shots": 3})
    assert not artifact.exists()
    with artifact.writing() as folder:
        (folder / "vectors").write_bytes(b"abc")
        assert not artifact.exists()
    assert artifact.exists()
    assert artifact.damage() is None
    manifest = json.loads((artifact.path / MANIFEST).read_text())
    assert manifest["inputs"] == {"shots": 3}
    assert set(manifest["files"]) == {"vectors"}
    assert {"commit", "host", "versions"} <= set(manifest["made"])


def test_an_exception_leaves_nothing(tmp_path):
    artifact = Store(tmp_path).artifact("memory", {})

    def fail() -> None:
        with artifact.writing() as folder:
            (folder / "vectors").write_bytes(b"abc")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert not artifact.exists()
    assert list(artifact.path.parent.iterdir()) == list((tmp_path / "partial").iterdir()) == []


def test_the_first_of_two_writers_stays(tmp_path):
    store = Store(tmp_path)
    artifact = store.artifact("memory", {})
    with artifact.writing() as slow:
        (slow / "file").write_text("slow")
        # A second process would have another name for its partial folder; rename stands for it.
        other = slow.with_name("other")
        other.mkdir()
        (other / "file").write_text("fast")
        other.rename(artifact.path)
    assert (artifact.path / "file").read_text() == "fast"


@pytest.mark.parametrize("harm", ["shorten", "change", "remove", "manifest"])
def test_damage_is_seen(tmp_path, harm):
    artifact = Store(tmp_path).artifact("proposals", {})
    with artifact.writing() as folder:
        (folder / "shard").write_bytes(b"0123456789")
    shard = artifact.path / "shard"
    if harm == "shorten":
        shard.write_bytes(b"01234")
    elif harm == "change":
        shard.write_bytes(b"0123456780")
    elif harm == "remove":
        shard.unlink()
    else:
        (artifact.path / MANIFEST).write_text("{")
    assert artifact.damage()
    artifact.discard()
    assert not artifact.exists()
    assert list(artifact.path.parent.iterdir()) == list((tmp_path / "partial").iterdir()) == []


def test_a_killed_writer_leaves_no_artifact_and_the_next_one_cleans_up(tmp_path):
    code = f"""
import os, signal
from pathlib import Path
from ntt.store.store import Store
with Store(Path({str(tmp_path)!r})).artifact("proposals", {{}}).writing() as folder:
    (folder / "shard").write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    killed = subprocess.run([sys.executable, "-c", code], env={**os.environ}, check=False)
    assert killed.returncode == -signal.SIGKILL
    artifact = Store(tmp_path).artifact("proposals", {})
    assert not artifact.exists()
    assert len(list((tmp_path / "partial").iterdir())) == 1
    with artifact.writing() as folder:
        (folder / "shard").write_bytes(b"whole")
    assert list((tmp_path / "partial").iterdir()) == []
    assert [p.name for p in artifact.path.parent.iterdir()] == [artifact.key]


def test_a_folder_that_was_taken_away_never_becomes_an_artifact(tmp_path):
    """A frozen maker comes back, and what it still writes makes the folder anew, without what was in it before."""
    store = Store(tmp_path)
    artifact = store.artifact("report", {})

    def make() -> None:
        with artifact.writing() as folder:
            write_json(folder / "first.json", 1)
            artifact.folders.remove(folder, folder.with_name("doomed"))  # by the one that took over, and then died
            write_json(folder / "second.json", 2)

    with pytest.raises(TakenOver):
        make()
    assert not artifact.exists()
    assert list((tmp_path / "partial").iterdir()) == []


def test_a_fault_of_the_disk_is_not_taken_for_another_maker(tmp_path, monkeypatch):
    artifact = Store(tmp_path).artifact("report", {})

    def rename(self, _):
        raise OSError(errno.EIO, "Input/output error", str(self))

    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(OSError, match="Input/output error") as caught, artifact.writing():
        pass
    assert not isinstance(caught.value, TakenOver)


def test_an_artifact_that_cannot_be_read_just_now_is_not_thrown_away(tmp_path, monkeypatch):
    store = Store(tmp_path)
    artifact = store.artifact("memory", {})
    with artifact.writing() as folder:
        write_json(folder / "file.json", 1)
    monkeypatch.setattr("ntt.foreign.patience.PATIENCE._left", 0)

    def denied(path):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr("ntt.store.artifacts.known_sha256", denied)
    with pytest.raises(InputError, match="may not be read"):
        store.missing([artifact])
    monkeypatch.undo()
    assert store.missing([artifact]) == ([], 0)
