"""Where a file is asked for, and what is said where nobody can be asked or nothing be written."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from ntt.downloads.http import download
from ntt.downloads.settings import DownloadSettings
from ntt.errors import InputError

BODY = bytes(range(256)) * 100
DIGEST = hashlib.sha256(BODY).hexdigest()


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "net.pth"


@pytest.fixture(autouse=True)
def body(server: Any) -> None:
    server.files["/net.pth"] = BODY


def test_nobody_listening_is_one_sentence(target, hasty):
    with pytest.raises(InputError, match=r"could not be fetched: .*refused"):
        download("http://127.0.0.1:1/net.pth", target, hasty)


def test_offline_nothing_is_asked(server, target):
    with pytest.raises(InputError, match=r"NTT_OFFLINE forbids fetching it: .*, or copy http.*/net.pth there"):
        download(f"{server.url}/net.pth", target, DownloadSettings(offline=True))
    assert server.requests == []
    assert not target.parent.exists()


def test_a_mirror_is_asked_in_the_place_of_the_official_host(server, target):
    server.files["/prefix/dinov2/net.pth"] = BODY
    settings = DownloadSettings(mirror=f"{server.url}/prefix/", retries=0)
    assert download("https://official.invalid/dinov2/net.pth", target, settings) == DIGEST


def test_a_proxy_is_asked_for_the_official_address(server, target, hasty, monkeypatch):
    monkeypatch.setenv("http_proxy", server.url)
    server.files["http://official.invalid/net.pth"] = BODY
    assert download("http://official.invalid/net.pth", target, hasty) == DIGEST
    assert server.requests[0][0] == "http://official.invalid/net.pth"


def test_a_folder_that_cannot_be_written_is_one_sentence(server, tmp_path, hasty):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written: "):
        download(f"{server.url}/net.pth", tmp_path / "file" / "net.pth", hasty)
