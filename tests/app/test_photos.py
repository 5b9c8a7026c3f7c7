from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ntt.app.photos import Photos, picture
from ntt.errors import InputError


def encoded(width: int, height: int, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.full((height, width, 3), 80, dtype=np.uint8)).save(file, kind)
    return file.getvalue()


def bomb() -> bytes:
    """A PNG of a few bytes whose header says 60000 x 60000."""
    header = b"IHDR" + struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    chunks = [header, b"IDAT" + zlib.compress(b"")]
    packed = [struct.pack(">I", len(one) - 4) + one + struct.pack(">I", zlib.crc32(one)) for one in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


def test_a_folder_is_listed_in_the_order_of_a_run_and_links_to_other_places_are_not_shown(tmp_path: Path) -> None:
    folder = tmp_path / "open"
    (folder / "sub").mkdir(parents=True)
    (folder / "b.png").write_bytes(encoded(5, 4))
    (folder / "sub" / "a.png").write_bytes(encoded(3, 2))
    (tmp_path / "secret.png").write_bytes(encoded(9, 9))
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    (folder / "inside.png").symlink_to(folder / "b.png")

    photos = Photos(folder, tmp_path / "dropped")

    assert [(p.name, p.height, p.width) for p in photos.all()] == [
        ("b.png", 4, 5),
        ("inside.png", 4, 5),
        ("sub/a.png", 2, 3),
    ]
    assert photos.left_out == 1


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.png", b"", "is no picture that can be dropped"),
        ("a.png", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "is no picture that can be dropped"),
        ("a.jpg", b"%PDF-1.7", "is no picture that can be dropped"),
        ("a.png", encoded(40, 40)[:-30], "cannot be used"),
        ("a.png", bomb(), "has too many pixels"),
        ("a.png", encoded(9000, 8000), "has 9000 x 8000 pixels, 64 million at most"),
        ("a.png", b"x" * (64 * 2**20 + 1), "larger than 64 MB"),
    ],
)
def test_what_is_dropped_and_no_good_picture_is_refused_and_nothing_of_it_is_kept(
    name: str, content: bytes, sentence: str, tmp_path: Path
) -> None:
    photos = Photos(None, tmp_path / "dropped")

    with pytest.raises(InputError, match=sentence):
        photos.drop(name, content)

    assert len(photos) == 0
    assert not list(tmp_path.rglob("*.*"))


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "C:\\x\\..\\evil.exe", "/abs/a.png", "a\x00b.png", "..", "", "<b>.png"]
)
def test_a_dropped_name_never_leads_out_of_its_folder(name: str, tmp_path: Path) -> None:
    photos = Photos(None, tmp_path / "dropped")

    photo = photos.drop(name, encoded(4, 4, "JPEG"))

    assert photo.path.parent == tmp_path / "dropped"
    assert photo.path.suffix == ".jpg"
    assert photo.name.replace("_", "").replace(".jpg", "").isalnum()
    assert photos.drop(name, encoded(4, 4, "JPEG")) == photo  # the same picture again is the same photograph


def test_pictures_for_the_page_are_small(tmp_path: Path) -> None:
    photo = Photos(None, tmp_path).drop("wide.png", encoded(3200, 100))

    assert Image.open(io.BytesIO(picture(photo.path, 0, False))).size == (1600, 50)
    assert Image.open(io.BytesIO(picture(photo.path, 0, True))).size[0] == 240


def test_an_unknown_photograph_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such photograph"):
        Photos(None, tmp_path).get("../../etc/passwd")
