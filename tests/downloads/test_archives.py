from __future__ import annotations

import io
import os
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ntt.downloads import archives
from ntt.downloads.archives import unpack
from ntt.errors import InputError

FILES = {"train/a.jpg": b"picture a", "train/b.jpg": b"picture b" * 1000, "annotations/x.json": b"{}", "empty": b""}


def write_zip(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return path


def write_tar(path: Path, files: dict[str, bytes]) -> Path:
    mode = "w:gz" if path.suffix == ".gz" else "w"
    with tarfile.open(path, mode) as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


WRITERS: dict[str, Callable[[Path, dict[str, bytes]], Path]] = {
    "data.zip": write_zip,
    "data.tar": write_tar,
    "data.tar.gz": write_tar,
}


def everything_under(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "room" / "target"


def assert_refused(archive: Path, target: Path, words: str) -> None:
    """Refused with these words, and nothing is written, inside or outside."""
    before = everything_under(target.parents[1])
    with pytest.raises(InputError, match=words) as caught:
        unpack(archive, target)
    assert "\n" not in str(caught.value)
    assert everything_under(target.parents[1]) - before <= {"room", "room/target"}


@pytest.mark.parametrize("name", WRITERS)
def test_files_come_out_as_they_went_in(tmp_path, target, name):
    unpack(WRITERS[name](tmp_path / name, FILES), target)
    assert {p: (target / p).read_bytes() for p in FILES} == FILES
    assert everything_under(target) == {*FILES, "train", "annotations"}


def test_folders_that_are_there_are_filled_and_files_replaced(tmp_path, target):
    (target / "train").mkdir(parents=True)
    (target / "train" / "old.jpg").write_bytes(b"old")
    (target / "train" / "a.jpg").write_bytes(b"old")
    unpack(write_zip(tmp_path / "data.zip", FILES), target)
    assert (target / "train" / "old.jpg").read_bytes() == b"old"
    assert (target / "train" / "a.jpg").read_bytes() == b"picture a"


BAD_NAMES = [
    "../evil",
    "train/../../evil",
    "..",
    "/evil",
    "//evil",
    "C:evil",
    "C:/evil",
    "..\\evil",
    "\\evil",
]


@pytest.mark.parametrize("bad", BAD_NAMES)
@pytest.mark.parametrize("name", WRITERS)
def test_names_that_lead_out_are_refused(tmp_path, target, name, bad):
    archive = WRITERS[name](tmp_path / name, {**FILES, bad: b"evil"})
    assert_refused(archive, target, "is refused: .* leads out of the folder")


def test_a_zip_name_with_a_zero_byte_is_refused(tmp_path, target):
    archive = write_zip(tmp_path / "data.zip", {"evil_jpg": b"evil"})
    archive.write_bytes(archive.read_bytes().replace(b"evil_jpg", b"evil\0jpg"))
    assert_refused(archive, target, "leads out of the folder")


@given(st.lists(st.sampled_from(["..", "/", "a", ".", "b/", "\\", "C:", "", "é"]), min_size=1, max_size=6))
@settings(max_examples=150, deadline=None)
def test_no_name_writes_outside(tmp_path_factory, parts):
    folder = tmp_path_factory.mktemp("names")
    name = "".join(parts)
    archive = write_tar(folder / "data.tar", {name: b"x"})
    try:
        unpack(archive, folder / "room" / "target")
    except InputError:
        assert everything_under(folder) <= {"data.tar", "room", "room/target"}
    assert {p.name for p in folder.iterdir()} <= {"data.tar", "room"}
    assert {p.name for p in (folder / "room").iterdir()} <= {"target"}


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (tarfile.SYMTYPE, "symbolic link"),
        (tarfile.LNKTYPE, "hard link"),
        (tarfile.CHRTYPE, "device"),
        (tarfile.FIFOTYPE, "device"),
    ],
)
def test_links_and_devices_in_a_tar_are_refused(tmp_path, target, kind, words):
    outside = tmp_path / "outside"
    outside.mkdir()
    with tarfile.open(tmp_path / "data.tar", "w") as archive:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = kind, str(outside)
        archive.addfile(link)
        inside = tarfile.TarInfo("link/evil")
        inside.size = 4
        archive.addfile(inside, io.BytesIO(b"evil"))
    assert_refused(tmp_path / "data.tar", target, words)
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize(("mode", "words"), [(stat.S_IFLNK, "symbolic link"), (stat.S_IFIFO, "device")])
def test_links_and_devices_in_a_zip_are_refused(tmp_path, target, mode, words):
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as archive:
        link = zipfile.ZipInfo("link")
        link.external_attr = (mode | 0o777) << 16
        archive.writestr(link, "/etc")
    assert_refused(tmp_path / "data.zip", target, words)


def test_an_encrypted_zip_is_refused(tmp_path, target):
    archive = write_zip(tmp_path / "data.zip", {"a": b"x"})
    content = bytearray(archive.read_bytes())
    content[6] |= 1  # the flag of the local header
    content[content.index(b"PK\x01\x02") + 8] |= 1  # and of the directory
    archive.write_bytes(content)
    assert_refused(archive, target, "encrypted file")


@pytest.mark.parametrize(
    "twins", [["a", "./a"], ["t/a", "t//a"], ["a", "A"], ["caf\u00e9", "cafe\u0301"], ["stra\u00dfe", "STRASSE"]]
)
@pytest.mark.parametrize("name", ["data.zip", "data.tar"])
def test_names_that_would_be_one_file_are_refused(tmp_path, target, name, twins):
    archive = WRITERS[name](tmp_path / name, dict.fromkeys(twins, b"x"))
    assert_refused(archive, target, "would be one file")


@pytest.mark.parametrize("files", [["a", "a/b"], ["A/b/c", "a/B"]])
def test_a_file_that_is_a_folder_too_is_refused(tmp_path, target, files):
    assert_refused(write_zip(tmp_path / "data.zip", dict.fromkeys(files, b"x")), target, "is a file, and the folder of")


def test_a_zip_bomb_is_refused(tmp_path, target, monkeypatch):
    monkeypatch.setattr(archives, "_ALWAYS_ALLOWED", 1000)
    archive = write_zip(tmp_path / "data.zip", {"zeros": bytes(2_000_000)})
    assert archive.stat().st_size < 4000
    assert_refused(archive, target, "would become 2.0 MB, which no honest archive")


def test_a_size_that_lies_is_refused(tmp_path, target):
    archive = write_zip(tmp_path / "data.zip", {"zeros": bytes(100_000)})
    content = archive.read_bytes()
    honest, lie = (100_000).to_bytes(4, "little"), (10).to_bytes(4, "little")
    archive.write_bytes(content.replace(honest, lie))
    with pytest.raises(InputError, match=r"is damaged|is refused"):
        unpack(archive, target)
    assert everything_under(target) == set()


def test_too_little_room_is_said_beforehand(tmp_path, target, monkeypatch):
    monkeypatch.setattr(archives.shutil, "disk_usage", lambda _: SimpleNamespace(free=5))
    assert_refused(write_zip(tmp_path / "data.zip", FILES), target, r"needs 9.0 kB at .*, which has 5 B left")


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("kept", [0.0, 0.3, 0.9])
def test_a_truncated_archive_leaves_nothing(tmp_path, target, name, kept):
    archive = WRITERS[name](tmp_path / name, {"a": os.urandom(50_000), "b": os.urandom(50_000)})
    content = archive.read_bytes()
    archive.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(InputError, match="damaged"):
        unpack(archive, target)
    assert everything_under(target) == set()


def test_a_flipped_bit_in_a_zip_is_found(tmp_path, target):
    archive = write_zip(tmp_path / "data.zip", {"a": os.urandom(50_000)})
    content = bytearray(archive.read_bytes())
    content[20_000] ^= 1
    archive.write_bytes(content)
    with pytest.raises(InputError, match="damaged"):
        unpack(archive, target)
    assert everything_under(target) == set()


def test_what_is_no_archive_is_refused(tmp_path, target):
    (tmp_path / "data.zip").write_text("<html>not found</html>")
    assert_refused(tmp_path / "data.zip", target, "neither a zip nor a tar file")


def test_a_link_in_the_target_is_not_followed_out_of_it(tmp_path, target):
    outside = tmp_path / "outside"
    outside.mkdir()
    target.mkdir(parents=True)
    (target / "train").symlink_to(outside)
    with pytest.raises(InputError, match=r"train is a link that leads out of"):
        unpack(write_zip(tmp_path / "data.zip", FILES), target)
    assert list(outside.iterdir()) == []
    assert not (target / ".unpacking-data.zip").exists()


def test_the_leavings_of_a_killed_unpacking_are_removed(tmp_path, target):
    (target / ".unpacking-data.zip" / "train").mkdir(parents=True)
    (target / ".unpacking-data.zip" / "train" / "half.jpg").write_bytes(b"half")
    unpack(write_zip(tmp_path / "data.zip", FILES), target)
    assert everything_under(target) == {*FILES, "train", "annotations"}
