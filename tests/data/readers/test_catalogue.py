"""Which reader a path gets, and what a named one does."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ntt.data.coco import CocoDataset, ImageRecord
from ntt.data.readers import coco, cvat, images
from ntt.data.readers.catalogue import choose_reader, formats, make_reader, read_labels
from ntt.data.readers.protocol import DatasetReader, Role
from ntt.errors import InputError


class Lines(DatasetReader):
    """An image a line: a format of somebody else's."""

    def __init__(self, ending: str = ".lines") -> None:
        self.ending = ending

    def recognises(self, path: Path) -> bool:
        return path.suffix == self.ending

    def read(self, path: Path, role: Role) -> CocoDataset:
        del role
        names = path.read_text().split()
        records = {i: ImageRecord(i, name, 4, 4) for i, name in enumerate(names, start=1)}
        return CocoDataset(path, "digest", records, [], {1: "thing"})


OWN = f"{__name__}.Lines"


def labels(path: Path) -> Path:
    document: dict[str, Any] = {
        "info": {"description": "x" * 1000},
        "images": [{"id": 1, "file_name": "a.png", "height": 4, "width": 4}],
        "annotations": [],
        "categories": [{"id": 1, "name": "boat"}],
    }
    path.write_text(json.dumps(document))
    return path


def picture(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (6, 4)).save(path)
    return path


@pytest.mark.parametrize("name", formats())
def test_every_format_is_a_reader_that_recognises_nothing_in_an_empty_folder(name: str, tmp_path: Path) -> None:
    reader = make_reader(name)
    assert isinstance(reader, DatasetReader)
    assert not reader.recognises(tmp_path)


def test_labels_are_recognised_as_a_file_and_in_a_folder_and_images_without_labels(tmp_path: Path) -> None:
    file = labels(tmp_path / "labels.json")
    picture(tmp_path / "photos" / "deep" / "a.png")
    assert type(choose_reader("auto", file, "references")) is coco.Reader
    assert type(choose_reader("auto", tmp_path, "targets")) is coco.Reader
    assert type(choose_reader("auto", tmp_path / "photos", "targets")) is images.Reader


def test_a_folder_of_images_is_read_by_name_with_ids_from_one(tmp_path: Path) -> None:
    for name in ("b/2.png", "a.png"):
        picture(tmp_path / name)
    (tmp_path / "notes.txt").touch()
    found = read_labels("auto", tmp_path, "targets")
    assert not found.labelled
    assert found.image_places == [tmp_path]
    assert list(found.dataset.images.values()) == [ImageRecord(1, "a.png", 4, 6), ImageRecord(2, "b/2.png", 4, 6)]


def test_what_two_formats_recognise_has_to_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ntt.data.readers.labelme.Reader.recognises", lambda *_: True)
    file = labels(tmp_path / "labels.json")
    with pytest.raises(InputError, match=r"labels.json .* may be coco or labelme: .*dataset.format=NAME"):
        choose_reader("auto", file, "targets")
    assert type(choose_reader("coco", file, "targets")) is coco.Reader


def test_the_special_case_of_a_format_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = labels(tmp_path / "labels.json")
    monkeypatch.setattr("ntt.data.readers.cvat.Reader.recognises", lambda *_: True)
    assert type(choose_reader("auto", file, "references")) is cvat.Reader


def test_a_folder_without_labels_is_refused_with_the_folder_that_has_them(tmp_path: Path) -> None:
    picture(tmp_path / "photos" / "a.png")
    with pytest.raises(InputError, match=r"holds no labels of a known format .*labelme.*my_own_objects.md"):
        choose_reader("auto", tmp_path, "references")
    (tmp_path / "mine").mkdir()
    labels(tmp_path / "mine" / "labels.json")
    with pytest.raises(InputError, match=r"mine in it looks like coco: dataset.references=\S*mine"):
        choose_reader("auto", tmp_path, "references")


def test_a_folder_of_images_needs_no_labels_of_the_format_that_is_named(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    assert type(choose_reader("coco", tmp_path, "targets")) is images.Reader
    assert type(choose_reader("coco", tmp_path, "references")) is coco.Reader


def test_a_reader_of_ones_own_is_named_with_its_options_which_are_another_identity(tmp_path: Path) -> None:
    (tmp_path / "some.lines").write_text("a.png b.png")
    default = read_labels({"_target_": OWN}, tmp_path / "some.lines", "targets")
    other = read_labels({"_target_": OWN, "ending": ".txt"}, tmp_path / "some.lines", "targets")
    assert [record.file_name for record in default.dataset.images.values()] == ["a.png", "b.png"]
    assert len({default.dataset.sha256, other.dataset.sha256, "digest"}) == 3


def test_a_sweep_reads_once_until_a_file_changes(tmp_path: Path) -> None:
    file = tmp_path / "some.lines"
    file.write_text("a.png")
    one = read_labels({"_target_": OWN}, file, "targets")
    assert read_labels({"_target_": OWN}, file, "targets") is one
    file.write_text("b.png")
    os.utime(file, ns=(1, 1))
    assert read_labels({"_target_": OWN}, file, "targets").dataset.images[1].file_name == "b.png"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            "yollo",
            r"dataset.format=yollo is unknown: give one of auto, coco, .*, labelme, .*, yolo",
        ),
        ({"_target_": OWN, "color": 1}, r"Lines cannot be made of these options \(.*color"),
    ],
)
def test_a_format_that_is_not_there_is_said(given: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make_reader(given)
