"""The digest is the standard one, whatever the size of the file."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from ntt.store.hashing import file_sha256, known_sha256


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1])
def test_digest_covers_every_byte(tmp_path: Path, size: int) -> None:
    content = bytes(i % 251 for i in range(size))
    (tmp_path / "file").write_bytes(content)
    assert file_sha256(tmp_path / "file") == hashlib.sha256(content).hexdigest()


def test_a_known_file_is_read_again_only_when_it_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"one")
    read = []
    monkeypatch.setattr("ntt.store.hashing.file_sha256", lambda path: read.append(path) or file_sha256(path))
    assert known_sha256(file) == known_sha256(file) == hashlib.sha256(b"one").hexdigest()
    assert len(read) == 1
    stamp = file.stat()
    file.write_bytes(b"two")  # of the same size; written a moment later
    os.utime(file, ns=(stamp.st_atime_ns, stamp.st_mtime_ns + 1))
    assert known_sha256(file) == hashlib.sha256(b"two").hexdigest()
