from __future__ import annotations

import os
from typing import Any

import pytest

from ntt.downloads.settings import DownloadSettings, is_offline, keep_libraries_offline
from ntt.errors import InputError


@pytest.mark.parametrize(
    ("value", "offline"), [("1", True), ("yes", True), ("0", False), ("", False), ("false", False)]
)
def test_offline_is_a_word_in_the_environment(value: str, offline: bool) -> None:
    assert is_offline({"NTT_OFFLINE": value}) is offline
    assert DownloadSettings.from_environment({"NTT_OFFLINE": value}).offline is offline


@pytest.mark.parametrize("mirror", ["https://mirror.example/meta", "https://mirror.example/meta/"])
def test_a_mirror_takes_the_place_of_any_host_and_keeps_the_path(mirror: str) -> None:
    settings = DownloadSettings.from_environment({"NTT_MIRROR": mirror})
    url = "https://dl.fbaipublicfiles.com/dinov2/net.pth?key=1"
    assert settings.source(url) == "https://mirror.example/meta/dinov2/net.pth?key=1"


def test_without_a_mirror_the_official_host_is_asked() -> None:
    url = "https://dl.fbaipublicfiles.com/dinov2/net.pth"
    assert DownloadSettings.from_environment({"NTT_MIRROR": ""}).source(url) == url


@pytest.mark.parametrize(
    "wrong", [{"mirror": "mirror.example"}, {"mirror": "file:///x"}, {"timeout": 0}, {"retries": -1}]
)
def test_impossible_values_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        DownloadSettings(**wrong)


def test_offline_holds_the_libraries_back_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NTT_OFFLINE", "1")
    for name in ("HF_HUB_OFFLINE", "WANDB_MODE"):
        monkeypatch.setenv(name, "")  # so that it is restored afterwards
        monkeypatch.delenv(name)
    keep_libraries_offline()
    assert os.environ["HF_HUB_OFFLINE"] == "1"
    assert os.environ["WANDB_MODE"] == "offline"
