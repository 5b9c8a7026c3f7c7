"""A file is read once, until it changes; what cannot be read is told, and is nothing that can be stored."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path

import pytest

from ntt.store.digests import MISSING, FileDigests
from ntt.store.hashing import file_sha256


@pytest.fixture
def file(tmp_path) -> Path:
    """Not touched just now."""
    path = tmp_path / "image.jpg"
    path.write_bytes(b"one")
    return path


@pytest.fixture
def later(monkeypatch):
    """The clock shows a time at which files written just now have settled."""
    now = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: now() + 10_000_000_000)


def remembered(file: Path, verify: str = "stat") -> FileDigests:
    digests = FileDigests(file.parent / "store" / "digests", verify)
    digests.of(file)
    digests.save()
    return FileDigests(file.parent / "store" / "digests", verify)


@pytest.mark.usefixtures("later")
def test_digests_are_remembered_until_the_file_changes(file, monkeypatch):
    again = remembered(file)
    monkeypatch.setattr("ntt.store.digests.file_sha256", lambda _: pytest.fail("read again"))
    first = again.of(file)
    monkeypatch.undo()
    assert first == file_sha256(file)
    file.write_bytes(b"other")
    assert remembered(file).of(file) == file_sha256(file)
    assert again.of(file) == first  # within a run


@pytest.mark.usefixtures("later")
@pytest.mark.parametrize("how", ["replaced", "written"])
def test_a_file_of_the_same_size_and_time_is_read_again(file, how):
    again = remembered(file)
    times = file.stat()
    if how == "replaced":
        (file.parent / "new").write_bytes(b"two")
        (file.parent / "new").replace(file)
    else:
        file.write_bytes(b"two")
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert again.of(file) == file_sha256(file)


def test_a_file_that_may_change_within_the_same_tick_is_not_trusted(file, monkeypatch):
    again = remembered(file)
    read = []
    monkeypatch.setattr("ntt.store.digests.file_sha256", lambda path: read.append(path) or file_sha256(path))
    again.of(file)
    assert read == [file]


@pytest.mark.usefixtures("later")
def test_bytes_are_read_once_in_each_run_where_that_is_asked_for(file, monkeypatch):
    again = remembered(file, "bytes")
    read = []
    monkeypatch.setattr("ntt.store.digests.file_sha256", lambda path: read.append(path) or file_sha256(path))
    again.of(file)
    again.of(file)
    assert read == [file]


def test_what_is_not_there_is_told(tmp_path):
    digests = FileDigests(tmp_path)
    assert digests.of(Path("nowhere.jpg")) == MISSING
    assert digests.fault(Path("nowhere.jpg")) == "the file does not exist"


@pytest.mark.parametrize(("fails", "found"), [(2, True), (9, False)])
@pytest.mark.parametrize("code", [errno.ESTALE, errno.EIO, errno.EACCES])
def test_a_passing_fault_is_tried_again_then_told_and_never_kept(file, monkeypatch, code, fails, found):
    pauses = []
    monkeypatch.setattr("ntt.foreign.patience.PATIENCE._sleep", pauses.append)
    monkeypatch.setattr("ntt.foreign.patience.PATIENCE._left", 20.0)
    left = [fails]

    def read(path):
        left[0] -= 1
        if left[0] >= 0:
            raise OSError(code, os.strerror(code), str(path))
        return file_sha256(path)

    monkeypatch.setattr("ntt.store.digests.file_sha256", read)
    digests = FileDigests(file.parent / "digests")
    assert digests.of(file) == (file_sha256(file) if found else MISSING)
    assert digests.fault(file) == (None if found else f"the file cannot be read ({os.strerror(code)})")
    assert len(pauses) == (2 if found else 3)
    digests.save()
    assert FileDigests(file.parent / "digests").of(file) == file_sha256(file) or not found
    monkeypatch.undo()
    assert FileDigests(file.parent / "digests").of(file) == file_sha256(file)


def test_a_cache_that_cannot_be_written_ends_no_run(file, monkeypatch, caplog):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("ntt.store.digests.write_json", full)
    digests = FileDigests(file.parent / "digests")
    digests.of(file)
    digests.save()
    assert "No space left" in caplog.text
