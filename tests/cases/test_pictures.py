"""The catalogue of pictures that are missing, named by another machine, damaged, or beside files of other programs."""

from __future__ import annotations

import json
import os
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases.scene import document, opened, spoil
from PIL import Image

from ntt.data.images import UnreadableImage, load_image
from ntt.errors import InputError


def named(*names: str) -> Callable[[dict[str, Any]], None]:
    def change(content: dict[str, Any]) -> None:
        for image, name in zip(content["images"], names, strict=False):
            image["file_name"] = name

    return change


ELSEWHERE = {
    "Windows": ("images/scene1.png", "images\\scene1.png"),
    "another disk": ("scene1.png", "D:\\data\\scene1.png"),
    "Label Studio": ("scene1.png", "..\\..\\label-studio\\media\\upload\\4\\scene1.png"),
    "another home": ("scene1.png", "/home/somebody/photos/scene1.png"),
    "folders up": ("scene1.png", "../../../photos/scene1.png"),
    "an address": ("scene1.png", "https://example.org/photos/scene1.png?size=large"),
    "a bucket": ("scene1.png", "gs://bucket/photos/scene1.png"),
    "percent signs": ("scene 1.png", "scene%201.png"),
    "another case": ("scene1.PNG", "scene1.png"),
    "decomposed": (unicodedata.normalize("NFC", "é1.png"), unicodedata.normalize("NFD", "é1.png")),
    "composed": (unicodedata.normalize("NFD", "é1.png"), unicodedata.normalize("NFC", "é1.png")),
    "a folder beside": ("pictures/deep/scene1.png", "scene1.png"),
}


@pytest.mark.parametrize("name", ELSEWHERE)
def test_a_picture_that_another_machine_named_is_found_and_said(tmp_path: Path, name: str) -> None:
    stored, written = ELSEWHERE[name]
    spoil(tmp_path, targets=named(written))
    target = tmp_path / stored
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.name != "scene1.png" or target.parent != tmp_path:
        (tmp_path / "scene1.png").rename(target)
    found = opened(tmp_path)
    assert found.inputs.target_images.path(written) == target
    assert "1 pictures were found by the end of their path" in found.told
    assert not found.inputs.target_images.missing
    assert found.truth == [20, 21, 22, 23]


@pytest.mark.parametrize("number", [1, 2])
def test_a_missing_picture_is_counted_whichever_it_is(tmp_path: Path, number: int) -> None:
    spoil(tmp_path)
    (tmp_path / f"scene{number}.png").unlink()
    found = opened(tmp_path)
    assert list(found.inputs.target_images.missing) == [f"scene{number}.png"]
    assert f"targets.json: 1 pictures are missing in {tmp_path}, others are there: 'scene{number}.png'" in found.told
    assert found.inputs.counts() == {"targets": {"missing": 1}}


@pytest.mark.parametrize("key", ["scene", "ref"])
def test_no_picture_at_all_stops_the_run_with_advice_that_can_help(tmp_path: Path, key: str) -> None:
    spoil(tmp_path)
    for number in (1, 2):
        (tmp_path / f"{key}{number}.png").unlink()
    with pytest.raises(InputError) as caught:
        opened(tmp_path)
    sentence = str(caught.value)
    assert f"none of its 2 pictures was found. The first has file_name '{key}1.png'" in sentence
    assert "file_name" in sentence
    assert "seed" not in sentence


def test_a_configured_folder_without_them_says_what_is_in_it(tmp_path: Path) -> None:
    spoil(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    Image.new("RGB", (9, 9)).save(other / "holiday.jpg")
    with pytest.raises(InputError, match=r"The first picture there is .*holiday\.jpg"):
        opened(tmp_path, target_images=str(other))
    with pytest.raises(InputError, match=r"nowhere is not a folder \(dataset\.target_images\)"):
        opened(tmp_path, target_images=str(tmp_path / "nowhere"))


def test_frames_of_several_videos_do_not_share_a_picture(tmp_path: Path) -> None:
    spoil(tmp_path, targets=named("one/0001.png", "two/0001.png"))
    (tmp_path / "scene1.png").rename(tmp_path / "0001.png")
    with pytest.raises(InputError, match="none of its 2 pictures was found"):
        opened(tmp_path)


def test_references_that_share_a_picture_are_refused(tmp_path: Path) -> None:
    spoil(tmp_path, references=named("ref1.png", "ref1.png"))
    with pytest.raises(InputError, match=r"refs\.json: the images 1 and 2 have the same file_name 'ref1\.png'"):
        opened(tmp_path)


def folder(path: Path, *names: str) -> None:
    path.mkdir(exist_ok=True)
    for name in names:
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 6)).save(path / name)


@pytest.mark.parametrize(
    "suffix", [".jpg", ".JPG", ".jpeg", ".jfif", ".png", ".webp", ".bmp", ".tif", ".gif", ".avif", ".jp2", ".ppm"]
)
def test_targets_of_every_kind_of_picture(tmp_path: Path, suffix: str) -> None:
    spoil(tmp_path)
    folder(tmp_path / "photos", f"a{suffix}")
    found = opened(tmp_path, "photos")
    assert [record.file_name for record in found.inputs.target_records] == [f"a{suffix}"]
    assert not found.inputs.has_truth
    assert load_image(found.inputs.target_images.path(f"a{suffix}")).shape == (6, 8, 3)


SIDECARS = {
    "labelme": {"version": "5", "shapes": [], "imagePath": "a.jpg", "imageData": None},
    "Takeout": {"title": "a.jpg", "imageViews": "3", "creationTime": {}},
    "another list": [1, 2],
    "annotations of another kind": {"annotations": [{"id": 1}], "image": {}},
}


@pytest.mark.parametrize("name", SIDECARS)
@pytest.mark.parametrize("count", [1, 2])
def test_jsons_of_other_programs_do_not_stand_in_the_way(tmp_path: Path, name: str, count: int) -> None:
    spoil(tmp_path)
    folder(tmp_path / "photos", "a.jpg", "b.jpg")
    for number in range(count):
        (tmp_path / "photos" / f"{number}.json").write_text(json.dumps(SIDECARS[name]))
    found = opened(tmp_path, "photos")
    assert len(found.inputs.target_records) == 2
    assert f"{count} files that are no images are left out ({count} .json): 0.json" in found.told


def test_the_one_coco_file_among_jsons_of_other_programs_is_taken(tmp_path: Path) -> None:
    spoil(tmp_path)
    folder(tmp_path / "photos", "scene1.png", "scene2.png")
    (tmp_path / "photos" / "a.json").write_text(json.dumps(SIDECARS["Takeout"]))
    (tmp_path / "photos" / "labels.json").write_text(json.dumps(document("scene", 20)))
    for number in (1, 2):
        Image.new("RGB", (160, 120)).save(tmp_path / "photos" / f"scene{number}.png")
    found = opened(tmp_path, "photos")
    assert found.truth == [20, 21, 22, 23]
    assert "1 json files that are no COCO files are left out, the first is a.json" in found.told
    (tmp_path / "photos" / "more.json").write_text(json.dumps(document("scene", 20)))
    with pytest.raises(InputError, match=r"it holds: labels\.json, more\.json\. Name the file"):
        opened(tmp_path, "photos")
    (tmp_path / "photos" / "a.json").write_text(json.dumps(SIDECARS["labelme"]))
    with pytest.raises(InputError, match="may be coco or labelme: say which"):
        opened(tmp_path, "photos")


def test_links_are_followed_and_a_circle_of_them_ends(tmp_path: Path) -> None:
    spoil(tmp_path)
    folder(tmp_path / "photos", "a.jpg")
    folder(tmp_path / "elsewhere", "h.jpg")
    (tmp_path / "photos" / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "photos" / "circle").symlink_to(tmp_path / "photos")
    (tmp_path / "photos" / "broken.jpg").symlink_to(tmp_path / "nowhere.jpg")
    found = opened(tmp_path, "photos")
    assert [r.file_name for r in found.inputs.target_records] == ["a.jpg", "broken.jpg", "linked/h.jpg"]


def test_other_files_are_counted_by_kind_and_those_of_systems_are_not(tmp_path: Path) -> None:
    spoil(tmp_path)
    folder(tmp_path / "photos", "a.jpg")
    for name in ("b.heic", "c.heic", "notes.txt", "README", ".DS_Store", "._a.jpg", "Thumbs.db"):
        (tmp_path / "photos" / name).write_bytes(b"x")
    found = opened(tmp_path, "photos")
    assert "4 files that are no images are left out (2 .heic, 1 .txt, 1 no suffix): " in found.told
    assert len(found.inputs.target_records) == 1


def test_one_photo_is_a_target(tmp_path: Path) -> None:
    spoil(tmp_path)
    found = opened(tmp_path, "scene1.png")
    assert [record.file_name for record in found.inputs.target_records] == ["scene1.png"]
    assert found.inputs.target_images.path("scene1.png") == tmp_path / "scene1.png"


def test_a_folder_with_nothing_says_what_it_may_hold(tmp_path: Path) -> None:
    spoil(tmp_path)
    (tmp_path / "photos").mkdir()
    with pytest.raises(InputError, match="photos"):
        opened(tmp_path, "photos")


@pytest.mark.skipif(sys.platform == "darwin", reason="file systems of macOS take no bytes that are no UTF-8")
@pytest.mark.parametrize("name", ["猫.jpg".encode("shift-jis"), ("é" * 125 + ".jpg").encode()])
def test_names_of_any_bytes_up_to_the_longest(tmp_path: Path, name: bytes) -> None:
    spoil(tmp_path)
    folder(tmp_path / "photos", "a.jpg")
    (tmp_path / "photos" / "a.jpg").rename(tmp_path / "photos" / os.fsdecode(name))
    found = opened(tmp_path, "photos")
    (record,) = found.inputs.target_records
    assert load_image(found.inputs.target_images.path(record.file_name)).shape == (6, 8, 3)


PICTURES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "empty": (lambda path: path.write_bytes(b""), "the file is empty"),
    "text": (lambda path: path.write_text("no picture"), "no image of a known format"),
    "cut": (lambda path: path.write_bytes(_png()[:60]), "damaged or unsupported"),
    "a folder": (lambda path: path.mkdir(), "cannot be read"),
    "missing": (lambda path: path.name, "does not exist"),
    "another size": (lambda path: Image.new("RGB", (7, 9)).save(path), "7 px wide and 9 high, its annotations say 8"),
    "fractions": (lambda path: _save(path, np.zeros((6, 8), np.float32)), "no defined range"),
    "32 bits": (lambda path: _save(path, np.full((6, 8), 70000, np.int32)), "no defined range"),
}


def _png() -> bytes:
    from io import BytesIO

    held = BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (6, 8, 3), dtype=np.uint8)).save(held, "png")
    return held.getvalue()


def _save(path: Path, pixels: Any) -> None:
    Image.fromarray(pixels).save(path, format="TIFF")


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_that_cannot_be_used_says_why(tmp_path: Path, name: str) -> None:
    make, words = PICTURES[name]
    make(tmp_path / "a.png")
    with pytest.raises(UnreadableImage, match=words) as caught:
        load_image(tmp_path / "a.png", (6, 8))
    assert str(tmp_path / "a.png") in str(caught.value)
    assert "\n" not in str(caught.value)
