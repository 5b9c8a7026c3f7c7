"""Pictures are found by names that another machine wrote."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from ntt.data.pictures import Pictures, files_below


def folder_of(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


@pytest.mark.parametrize(
    ("stored", "written"),
    [
        ("images/x.jpg", "images\\x.jpg"),
        ("images/x.jpg", "..\\..\\label-studio\\media\\upload\\4\\x.jpg"),
        ("images/x.jpg", "C:\\Users\\me\\images\\x.jpg"),
        ("images/x.jpg", "/home/somebody/data/images/x.jpg"),
        ("images/x.jpg", "../../elsewhere/images/x.jpg"),
        ("images/x.jpg", "https://example.org/bucket/images/x.jpg?token=1"),
        ("images/x.jpg", "s3://bucket/images/x.jpg"),
        ("images/x.JPG", "images/x.jpg"),
        ("IMAGES/x.jpg", "images/X.jpeg".replace("jpeg", "jpg")),
        ("my photo.jpg", "my%20photo.jpg"),
        (unicodedata.normalize("NFD", "café.jpg"), unicodedata.normalize("NFC", "café.jpg")),
        (unicodedata.normalize("NFC", "café.jpg"), unicodedata.normalize("NFD", "café.jpg")),
    ],
)
def test_a_name_of_another_machine_leads_to_the_one_file_that_ends_alike(
    tmp_path: Path, stored: str, written: str
) -> None:
    pictures = Pictures([folder_of(tmp_path, stored, "images/other.jpg")])
    assert pictures.path(written) == tmp_path / stored
    assert pictures.respelt == {written: tmp_path / stored}
    assert not pictures.missing


def test_a_name_is_taken_as_it_is_written_where_there_is_such_a_file(tmp_path: Path) -> None:
    pictures = Pictures([folder_of(tmp_path, "a%20b.jpg", "a b.jpg", "x\\y.jpg", "x/y.jpg")])
    assert pictures.path("a%20b.jpg") == tmp_path / "a%20b.jpg"
    assert pictures.path("x\\y.jpg") == tmp_path / "x\\y.jpg"
    assert not pictures.respelt


def test_the_longest_common_end_decides_and_a_tie_is_missing(tmp_path: Path) -> None:
    pictures = Pictures([folder_of(tmp_path, "one/0001.jpg", "two/0001.jpg")])
    assert pictures.path("videos\\two\\0001.jpg") == tmp_path / "two/0001.jpg"
    pictures.path("three/0001.jpg")
    assert pictures.missing == {"three/0001.jpg": "several files are called so"}


def test_two_names_never_share_a_file_that_only_ends_alike(tmp_path: Path) -> None:
    pictures = Pictures([folder_of(tmp_path, "0001.jpg")])
    pictures.look_for(["video1/0001.jpg", "video2/0001.jpg"])
    assert set(pictures.missing) == {"video1/0001.jpg", "video2/0001.jpg"}


def test_the_place_that_has_most_is_the_first_and_the_first_name_decides_nothing(tmp_path: Path) -> None:
    folder_of(tmp_path, "labels/refs.json", "images/b.jpg", "images/c.jpg")
    pictures = Pictures([tmp_path / "labels", tmp_path / "images"], ["a.jpg", "b.jpg", "c.jpg"])
    assert pictures.folder == tmp_path / "images"
    pictures.look_for(["a.jpg", "b.jpg", "c.jpg"])
    assert pictures.missing == {"a.jpg": "the file does not exist"}
    assert pictures.path("a.jpg") == tmp_path / "images" / "a.jpg"


@pytest.mark.parametrize("name", ["x" * 300 + ".jpg", "..", "/", "https://example.org/"])
def test_a_name_that_cannot_be_a_file_is_missing(tmp_path: Path, name: str) -> None:
    pictures = Pictures([folder_of(tmp_path, "a.jpg")])
    pictures.path(name)
    assert list(pictures.missing) == [name]


def test_links_are_followed_once(tmp_path: Path) -> None:
    folder_of(tmp_path, "photos/a.jpg", "elsewhere/b.jpg")
    (tmp_path / "photos/linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "photos/linked/back").symlink_to(tmp_path / "photos")
    found = [str(path.relative_to(tmp_path)) for path in files_below(tmp_path / "photos")]
    assert found == ["photos/a.jpg", "photos/linked/b.jpg"]
