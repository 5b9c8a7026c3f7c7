"""A file is read once, until it changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from ntt.store.digests import FileDigests


def test_digests_are_remembered_until_the_file_changes(tmp_path, monkeypatch):
    file = tmp_path / "image.jpg"
    file.write_bytes(b"one")
    digests = FileDigests(tmp_path / "cache")
    first = digests.of(file)
    digests.save()
    monkeypatch.setattr("ntt.store.digests.file_sha256", lambda _: pytest.fail("read again"))
    assert FileDigests(tmp_path / "cache").of(file) == first
    monkeypatch.undo()
    file.write_bytes(b"other")
    assert FileDigests(tmp_path / "cache").of(file) != first
    assert digests.of(Path("nowhere.jpg")) == "missing"
