"""Creating a file that only one can create, where the file system answers badly."""

from __future__ import annotations

import errno
import os

import pytest

from ntt.store.lease_files import LeaseFiles, create, move_over
from ntt.store.leases import Leases


class LosesAnswers(LeaseFiles):
    """NFS: a request is done, its answer lost, the request repeated and refused."""

    def link(self, name, target):
        super().link(name, target)
        raise FileExistsError(errno.EEXIST, "File exists")

    def replace(self, name, target):
        super().replace(name, target)
        raise FileNotFoundError(errno.ENOENT, "No such file or directory")


class StaleLinks(LosesAnswers):
    """The same where the number of names comes from a cache."""

    def links(self, _):
        return 1


@pytest.mark.parametrize("kind", [LosesAnswers, StaleLinks])
def test_a_link_whose_answer_was_lost_is_ours(tmp_path, kind):
    files = kind(tmp_path)
    assert create(files, "file", "ours")
    assert not create(files, "file", "theirs")
    assert files.read("file") == "ours"
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


def test_a_rename_whose_answer_was_lost_is_done(tmp_path):
    files = LosesAnswers(tmp_path)
    files.write("new", "ours")
    assert move_over(files, "new", "file", "ours")
    assert not move_over(files, "never was", "file", "theirs")


@pytest.mark.parametrize("code", [errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK])
def test_leases_work_without_hard_links(tmp_path, monkeypatch, code):
    def link(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "link", link)
    ours, theirs = Leases(tmp_path), Leases(tmp_path)
    assert ours.claim("shard")
    assert theirs.claim("shard") is None
    ours.release("shard")
    assert theirs.claim("shard")
    assert [file.name for file in tmp_path.iterdir()] == ["shard.lease"]


def test_a_lease_that_was_never_written_to_the_end_runs_out(tmp_path):
    now = 0.0
    (tmp_path / "shard.lease").write_text("")  # created, and its maker died
    leases = Leases(tmp_path, 60, lambda: now)
    assert leases.claim("shard") is None
    now = 59
    assert leases.claim("shard") is None
    now = 61
    assert leases.claim("shard")
