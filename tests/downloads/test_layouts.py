from __future__ import annotations

import json
from pathlib import Path

import pytest

from ntt.downloads.layouts import FileHolding, FolderHolding, ListHolding, check_annotations, enumerate_some, holding
from ntt.errors import InputError


def write(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("x")


def test_a_file_is_there_or_not(tmp_path):
    assert "a.json does not exist" in FileHolding("a.json").lack(tmp_path)
    write(tmp_path, "a.json")
    assert FileHolding("a.json").lack(tmp_path) is None


def test_a_folder_has_its_number_of_files_at_least(tmp_path):
    assert FolderHolding("val", 2).lack(tmp_path).endswith("val holds 0 of 2 files")
    write(tmp_path, "val/a.jpg", "val/b.jpg", "val/deeper/c.jpg")
    assert FolderHolding("val", 2).lack(tmp_path) is None
    assert FolderHolding("val", 1).lack(tmp_path) is None  # such as a .DS_Store
    assert FolderHolding("val", 3).lack(tmp_path).endswith("val holds 2 of 3 files")


def test_a_list_has_its_names_and_each_name_its_files(tmp_path):
    names = ListHolding("lists/trainval.txt", 2, ["images/{}.jpg", "boxes/{}.xml"])
    assert "does not exist" in names.lack(tmp_path)
    write(tmp_path, "images/a.jpg", "images/b.jpg", "boxes/a.xml")
    write(tmp_path, "lists/trainval.txt")
    (tmp_path / "lists" / "trainval.txt").write_text("a\n")
    assert "names 1 of 2 images" in names.lack(tmp_path)
    (tmp_path / "lists" / "trainval.txt").write_text("a  1\nb -1\n")
    assert names.lack(tmp_path).endswith("lacks 1 file: boxes/b.xml")
    write(tmp_path, "boxes/b.xml")
    assert names.lack(tmp_path) is None


def test_a_holding_is_known_by_its_first_key():
    assert holding({"file": "a"}) == FileHolding("a")
    assert holding({"folder": "a", "files": 3}) == FolderHolding("a", 3)
    assert holding({"names": "a", "count": 1, "each": ["{}"]}) == ListHolding("a", 1, ["{}"])
    with pytest.raises(ValueError, match="no holding"):
        holding({"fil": "a"})


def test_many_names_are_shortened():
    assert enumerate_some("abcde") == "5 files: a, b, c, ..."


IMAGES = [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "coco_url": "http://images.cocodataset.org/train2017/b.jpg"}]


def test_each_image_of_a_json_is_looked_for_in_all_folders(tmp_path):
    write(tmp_path, "val/a.jpg")
    path = tmp_path / "instances.json"
    path.write_text(json.dumps({"images": IMAGES, "annotations": [], "categories": []}))
    with pytest.raises(InputError, match=r"val or .*train lacks 1 file: b.jpg, which .*instances.json lists"):
        check_annotations(path, [tmp_path / "val", tmp_path / "train"])
    write(tmp_path, "train/b.jpg")
    assert check_annotations(path, [tmp_path / "val", tmp_path / "train"]) == 2


@pytest.mark.parametrize("text", ['{"images": [', "[]", "{}", '{"images": []}', '{"images": [3], "annotations": []}'])
def test_what_is_no_annotation_file_is_refused(tmp_path, text):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(InputError, match="remove it and fetch the dataset again"):
        check_annotations(tmp_path / "x.json", [tmp_path])


def test_a_missing_annotation_file_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"cannot be read \(No such file or directory\)"):
        check_annotations(tmp_path / "x.json", [tmp_path])
