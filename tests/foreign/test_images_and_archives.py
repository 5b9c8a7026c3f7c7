"""Damaged images and archives are read, or refused in one sentence."""

from __future__ import annotations

import io
import tarfile
import warnings
import zipfile
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mutations import damaged_bytes
from PIL import Image

from ntt.data.images import UnreadableImage, load_image, stored_size
from ntt.downloads.archives import unpack
from ntt.errors import InputError


def encoded(kind: str) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (9, 13, 3), dtype=np.uint8)
    picture = Image.fromarray(pixels)
    exif = picture.getexif()
    exif[0x0112] = 6
    file = io.BytesIO()
    picture.save(file, kind, **({} if kind == "BMP" else {"exif": exif}))
    return file.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "BMP"])
@settings(max_examples=60)
@given(data=st.data(), size=st.sampled_from([None, (9, 13), (13, 9)]))
def test_a_damaged_image_is_pixels_or_unreadable(
    tmp_path_factory: pytest.TempPathFactory, kind: str, data: st.DataObject, size: tuple[int, int] | None
) -> None:
    file = tmp_path_factory.getbasetemp() / "picture"
    file.write_bytes(data.draw(damaged_bytes(encoded(kind))))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, of odd metadata
        with suppress(UnreadableImage):
            image = load_image(file, size)
            assert image.dtype == np.uint8
            assert image.ndim == 3
            assert size is None or image.shape == (*size, 3)
        stored_size(file)


@pytest.mark.parametrize("name", ["no\0file", "a" * 5000, "\ud800.jpg"])
def test_a_name_that_no_file_can_have_is_an_unreadable_image(name: str) -> None:
    with pytest.raises(UnreadableImage):
        load_image(name)
    assert stored_size(name) is None


def archive(kind: str) -> bytes:
    files = {"train/a.jpg": b"picture a", "train/b.jpg": b"picture b" * 100, "x.json": b"{}"}
    file = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
            for name, content in files.items():
                packed.writestr(zipfile.ZipInfo(name), content)
    else:
        with tarfile.open(fileobj=file, mode=f"w:{kind}") as packed:  # type: ignore[call-overload]
            for name, content in files.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                packed.addfile(entry, io.BytesIO(content))
    return file.getvalue()


@pytest.mark.parametrize("kind", ["zip", "", "gz", "xz", "bz2"])
@settings(max_examples=60)
@given(data=st.data())
def test_a_damaged_archive_is_unpacked_or_refused(
    tmp_path_factory: pytest.TempPathFactory, kind: str, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("archive")
    (folder / "archive").write_bytes(data.draw(damaged_bytes(archive(kind))))
    with suppress(InputError):
        unpack(folder / "archive", folder / "room" / "target")
    assert {path.name for path in folder.iterdir()} <= {"archive", "room"}
    assert {path.name for path in (folder / "room").iterdir()} == {"target"}
