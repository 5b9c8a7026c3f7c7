"""A file has its old contents or all of the new ones."""

from __future__ import annotations

import os

import pytest

from ntt.store.files import share, write_atomically, write_json


def test_atomic_writing_keeps_the_old_contents_on_failure(tmp_path, monkeypatch):
    file = tmp_path / "file.json"
    write_json(file, {"b": 1, "a": 2})
    before = file.read_bytes()
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        write_atomically(file, b"new")
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]


def test_share_replaces_what_was_there(tmp_path):
    (tmp_path / "new").write_text("new")
    (tmp_path / "shown").write_text("old")
    share(tmp_path / "new", tmp_path / "shown")
    assert (tmp_path / "shown").read_text() == "new"


def test_what_is_shared_is_a_file_of_its_own(tmp_path):
    (tmp_path / "stored").write_text("stored")
    for shown in ("a", "b"):
        share(tmp_path / "stored", tmp_path / shown)
    with (tmp_path / "b").open("r+") as file:
        file.write("edited")
    assert (tmp_path / "a").read_text() == (tmp_path / "stored").read_text() == "stored"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a", "b", "stored"]
