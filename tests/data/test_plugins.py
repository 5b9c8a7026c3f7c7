"""Kinds of files that need a plug-in or a decoder: counted and said, never passed over."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from PIL import Image

from ntt.data import plugins
from ntt.data.readers.images import Reader
from ntt.data.video import write_frames
from ntt.errors import InputError


def test_videos_and_heic_are_left_out_with_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    plugins.reads_heic.cache_clear()
    for name in ("a.png", "b.gif", "c.tiff"):
        Image.new("RGB", (4, 3)).save(tmp_path / name)
    for name in ("d.heic", "e.mp4", "notes.txt"):
        (tmp_path / name).touch()

    dataset = Reader().read(tmp_path, "targets")
    plugins.reads_heic.cache_clear()

    assert [image.file_name for image in dataset.images.values()] == ["a.png", "b.gif", "c.tiff"]
    reasons = {file.name: why for file, why in dataset.left_out}
    assert set(reasons) == {"d.heic", "e.mp4", "notes.txt"}
    assert "pip install pillow-heif" in reasons["d.heic"]
    assert "a video" in reasons["e.mp4"]
    assert "3 files that are no images are left out" in " ".join(dataset.told)


def test_a_list_of_images_keeps_its_order(tmp_path: Path) -> None:
    for name in ("b.png", "a.png"):
        Image.new("RGB", (4, 3)).save(tmp_path / name)
    (tmp_path / "images.txt").write_text(f"{tmp_path}/b.png\n{tmp_path}/a.png\n")

    assert [image.file_name for image in Reader().read(tmp_path / "images.txt", "targets").images.values()] == [
        "b.png",
        "a.png",
    ]


def test_a_video_without_a_decoder_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(InputError, match="pip install av, or give a folder of its frames"):
        write_frames(tmp_path / "a.mp4", tmp_path / "frames", 1.0)
