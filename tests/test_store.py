"""The store's promises: equal inputs equal keys, nothing half-written, damage is seen."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntt.digests import FileDigests
from ntt.errors import InputError
from ntt.store import MANIFEST, Artifact, Store, fingerprint, share, write_atomically, write_json

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
    assert list(artifact.path.parent.iterdir()) == []


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
    assert list(artifact.path.parent.iterdir()) == []


def test_a_killed_writer_leaves_no_artifact_and_the_next_one_cleans_up(tmp_path):
    code = f"""
import os, signal
from pathlib import Path
from ntt.store import Store
with Store(Path({str(tmp_path)!r})).artifact("proposals", {{}}).writing() as folder:
    (folder / "shard").write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    killed = subprocess.run([sys.executable, "-c", code], env={**os.environ}, check=False)
    assert killed.returncode == -signal.SIGKILL
    artifact = Store(tmp_path).artifact("proposals", {})
    assert not artifact.exists()
    assert len(list(artifact.path.parent.iterdir())) == 1
    with artifact.writing() as folder:
        (folder / "shard").write_bytes(b"whole")
    assert [p.name for p in artifact.path.parent.iterdir()] == [artifact.key]


def test_atomic_writing_keeps_the_old_contents_on_failure(tmp_path, monkeypatch):
    file = tmp_path / "file.json"
    write_json(file, {"b": 1, "a": 2})
    before = file.read_bytes()
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        write_atomically(file, b"new")
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]


def test_a_full_disk_is_told_in_a_sentence_and_the_lease_given_back(tmp_path):
    store = Store(tmp_path)
    artifact = store.artifact("stage", {"a": 1})

    def make(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(InputError, match=rf"{tmp_path}.*store\.root"):
        store.obtain([artifact], make)
    with store.claim(artifact) as lease:
        assert lease is not None


def write_one(artifact: Artifact) -> None:
    with artifact.writing() as folder:
        (folder / "file").write_text(artifact.key)


def test_claims_are_held_while_others_are_taken_and_until_they_are_finished(tmp_path):
    ours, theirs = Store(tmp_path), Store(tmp_path)
    artifacts = [ours.artifact("stage", {"number": number}) for number in range(3)]
    claims = ours.claims(artifacts)
    first, second = next(claims), next(claims)
    with theirs.claim(artifacts[2]):
        assert next(claims) is None  # one is theirs, two are on their way
    for artifact in artifacts[:2]:
        with theirs.claim(artifact) as refused:
            assert refused is None
    third = next(claims)
    assert [claim.artifact for claim in (first, second, third)] == artifacts
    with ThreadPoolExecutor(1) as writer:
        assert list(writer.map(ours.finish, (third, first, second), [write_one] * 3)) == [True] * 3
    assert next(claims, "over") == "over"
    assert all(claim.made and claim.released for claim in (first, second, third))


def test_closing_gives_up_what_was_claimed_and_not_finished(tmp_path):
    ours, theirs = Store(tmp_path), Store(tmp_path)
    artifacts = [ours.artifact("stage", {"number": number}) for number in range(2)]
    claims = ours.claims(artifacts)
    next(claims)
    ours.finish(next(claims), write_one)
    claims.close()
    with theirs.claim(artifacts[0]) as lease:
        assert lease is not None
    assert artifacts[1].exists()


def test_a_claim_that_failed_comes_again_and_one_that_was_lost_is_left_to_its_taker(tmp_path):
    store = Store(tmp_path)
    artifacts = [store.artifact("stage", {"number": number}) for number in range(2)]
    seen = []
    claims = store.claims(artifacts, seen.append)

    def fail(_: Artifact) -> None:
        raise RuntimeError("not this time")

    with pytest.raises(RuntimeError, match="not this time"):
        store.finish(next(claims), fail)
    lost = next(claims)
    assert lost.artifact == artifacts[1]
    lost.lease.path.write_text("{}")  # another process has taken it over, and is done soon
    assert not store.finish(lost, lambda _: pytest.fail("made although it was lost"))
    write_one(lost.artifact)
    again = next(claims)
    assert again.artifact == artifacts[0]
    assert store.finish(again, write_one)
    assert list(claims) == []
    assert seen == [lost.artifact]


def test_share_replaces_what_was_there(tmp_path):
    (tmp_path / "new").write_text("new")
    (tmp_path / "shown").write_text("old")
    share(tmp_path / "new", tmp_path / "shown")
    assert (tmp_path / "shown").read_text() == "new"


def test_digests_are_remembered_until_the_file_changes(tmp_path, monkeypatch):
    file = tmp_path / "image.jpg"
    file.write_bytes(b"one")
    digests = FileDigests(tmp_path / "cache")
    first = digests.of(file)
    digests.save()
    monkeypatch.setattr("ntt.digests.file_sha256", lambda _: pytest.fail("read again"))
    assert FileDigests(tmp_path / "cache").of(file) == first
    monkeypatch.undo()
    file.write_bytes(b"other")
    assert FileDigests(tmp_path / "cache").of(file) != first
    assert digests.of(Path("nowhere.jpg")) == "missing"
