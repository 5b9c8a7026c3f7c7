"""The catalogue of bad annotation files, classes and ids: the one sentence each gets, before any network."""

from __future__ import annotations

import codecs
import json
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cases.scene import document, opened, spoil

from ntt.errors import InputError
from ntt.evaluation.coco import evaluate, restrict_ground_truth

Change = Callable[[dict[str, Any]], None]


def put(key: str, index: int, **values: Any) -> Change:
    return lambda content: content[key][index].update(values)


def drop(key: str, index: int, field: str) -> Change:
    return lambda content: content[key][index].__delitem__(field)


REFUSED: dict[str, tuple[Change, str]] = {
    "no list of images": (lambda content: content.pop("images"), "no list 'images'"),
    "annotations as a mapping": (lambda content: content.update(annotations={}), "no list 'annotations'"),
    "no categories": (lambda content: content.update(categories=[]), "'categories' is empty"),
    "no images": (lambda content: content.update(images=[], annotations=[]), "names no image"),
    "an image without a name": (drop("images", 1, "file_name"), r"images\[1\] has no 'file_name'"),
    "an image without a height": (drop("images", 1, "height"), r"images\[1\] has no 'height'"),
    "an image of width 0": (put("images", 1, width=0), r"images\[1\].*must be positive"),
    "an image of a huge size": (put("images", 1, width=10**9, height=10**9), r"images\[1\].*beyond"),
    "a size of texts": (put("images", 1, width="160"), r'images\[1\].*width must be .*"160"'),
    "a name that is no text": (put("images", 1, file_name=7), r"images\[1\].*file_name must be a text, not 7"),
    "a name with a zero byte": (put("images", 1, file_name="a\0b.png"), r"images\[1\].*no file can be named"),
    "an id of a text": (put("annotations", 1, id="21"), r'annotations\[1\].*id must be .*"21"'),
    "an id of a fraction": (put("annotations", 1, id=21.5), r"annotations\[1\].*id must be .*21\.5"),
    "an id beyond 64 bits": (put("images", 1, id=2**64), r"images\[1\].*64 bits"),
    "an image id twice": (put("images", 1, id=1), r"images\[1\] repeats the id 1"),
    "an annotation id twice": (put("annotations", 1, id=20), r"annotations\[1\] repeats the id 20"),
    "a category id twice": (put("categories", 1, id=1), r"categories\[1\] repeats the id 1"),
    "an image that is not there": (put("annotations", 1, image_id=99), "annotation 21 has image_id 99"),
    "no image id": (drop("annotations", 1, "image_id"), r"annotations\[1\] has no 'image_id'"),
    "a class without a name": (drop("categories", 1, "name"), r"categories\[1\] has no 'name'"),
    "a class called nothing": (put("categories", 1, name="  "), r"categories\[1\].*name must be a text"),
    "a class called 3": (put("categories", 1, name=3), r"categories\[1\].*name must be a text, not 3"),
    "an entry that is a text": (lambda content: content["annotations"].append("x"), r"annotations\[4\]"),
    "two images of one name": (put("images", 1, file_name="scene1.png"), r"images 1 and 2 .*'scene1\.png'"),
    "other classes": (
        lambda content: content.update(categories=[{"id": 1, "name": "Tasse"}, {"id": 2, "name": "Glocke"}]),
        "none of the classes 'cup', 'bell' .* but 'Tasse', 'Glocke'",
    ),
    "two classes of one name": (put("categories", 1, name="cup"), r"several categories are called 'cup' \(ids 1, 2\)"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_cannot_be_used_is_one_sentence_with_its_place(tmp_path: Path, name: str) -> None:
    change, words = REFUSED[name]
    spoil(tmp_path, targets=change)
    with pytest.raises(InputError, match=words) as caught:
        opened(tmp_path)
    assert "targets.json" in str(caught.value)
    assert "\n" not in str(caught.value)


BYTES = {
    "nothing": (b"", "not a readable json"),
    "a web page": (b"<html>404</html>", "not a readable json"),
    "half of it": (json.dumps(document("scene", 20)).encode()[:200], "not a readable json"),
    "a list": (b"[]", "not a COCO file"),
    "a number": (b"7", "not a COCO file"),
    "nested without end": (b"[" * 100_000, "nested too deeply"),
    "Latin-1": ('{"info": "café"}'.encode("latin-1"), "byte 13 .0xe9. is no UTF-8"),
    "Shift-JIS": ('{"info": "猫"}'.encode("shift-jis"), "is no UTF-8"),
}


@pytest.mark.parametrize("name", BYTES)
def test_bytes_that_are_no_coco_file(tmp_path: Path, name: str) -> None:
    raw, words = BYTES[name]
    spoil(tmp_path)
    (tmp_path / "targets.json").write_bytes(raw)
    with pytest.raises(InputError, match=rf"targets\.json: .*{words}"):
        opened(tmp_path)


@pytest.mark.parametrize("mark", [codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_LE])
def test_files_in_any_unicode_are_read(tmp_path: Path, mark: bytes) -> None:
    names = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be", codecs.BOM_UTF32_LE: "utf-32-le"}
    spoil(tmp_path)
    text = (tmp_path / "targets.json").read_text()
    (tmp_path / "targets.json").write_bytes(mark + text.encode(names.get(mark, "utf-8")))
    assert opened(tmp_path).truth == [20, 21, 22, 23]


def rename(before: str, after: str) -> Change:
    def change(content: dict[str, Any]) -> None:
        for category in content["categories"]:
            category["name"] = category["name"].replace(before, after)

    return change


@pytest.mark.parametrize("name", [" cup", "cup\n", "cup\u00a0"])
def test_white_space_around_a_class_is_none_of_its_name(tmp_path: Path, name: str) -> None:
    spoil(tmp_path, targets=rename("cup", name))
    found = opened(tmp_path)
    assert found.truth == [20, 21, 22, 23]
    assert found.told == ""


def test_a_class_in_another_unicode_form_is_the_same(tmp_path: Path) -> None:
    spoil(
        tmp_path,
        rename("cup", unicodedata.normalize("NFC", "café")),
        rename("cup", unicodedata.normalize("NFD", "café")),
    )
    assert opened(tmp_path).truth == [20, 21, 22, 23]


def without_cup(content: dict[str, Any]) -> None:
    content["categories"] = [{"id": 1, "name": "bell"}]
    content["annotations"] = [{**a, "category_id": 1} for a in content["annotations"] if a["category_id"] == 2]


def test_a_class_that_the_targets_lack_has_no_truth_and_an_id_of_its_own(tmp_path: Path) -> None:
    spoil(tmp_path, targets=without_cup)
    found = opened(tmp_path)
    assert found.inputs.target_category == {1: 2, 2: 1}
    assert found.truth == [21, 23]
    assert "lacks 1 of the 2 classes" in found.told
    assert "'cup'" in found.told


def test_a_class_of_another_case_is_pointed_at(tmp_path: Path) -> None:
    spoil(tmp_path, targets=rename("cup", "Cup"))
    found = opened(tmp_path)
    assert "is 'Cup' for 'cup' meant?" in found.told
    assert found.truth == [21, 23] or found.truth == [20, 21, 22, 23]


def test_a_class_that_owns_nothing_is_left_out_with_a_word(tmp_path: Path) -> None:
    root = lambda content: content["categories"].insert(0, {"id": 0, "name": "things"})  # noqa: E731
    spoil(tmp_path, root, root)
    found = opened(tmp_path)
    assert list(found.inputs.categories.values()) == ["cup", "bell"]
    assert "1 of 3 classes have no annotation and are left out: 'things'" in found.told


def test_of_two_classes_of_one_name_that_with_objects_is_meant(tmp_path: Path) -> None:
    spoil(tmp_path, targets=lambda content: content["categories"].append({"id": 9, "name": "cup"}))
    found = opened(tmp_path)
    assert found.inputs.target_category == {1: 1, 2: 2}


def test_annotations_of_classes_that_the_targets_do_not_list_are_no_truth(tmp_path: Path) -> None:
    spoil(tmp_path, targets=put("annotations", 0, category_id=77))
    assert opened(tmp_path).truth == [21, 22, 23]


def ids(offset: int, factor: int = 1) -> Change:
    def change(content: dict[str, Any]) -> None:
        for image in content["images"]:
            image["id"] = factor * image["id"] + offset
        for annotation in content["annotations"]:
            annotation["image_id"] = factor * annotation["image_id"] + offset
            annotation["id"] = factor * annotation["id"] + offset

    return change


@pytest.mark.parametrize("change", [ids(0), ids(-1), ids(0, -1), ids(2**62), ids(-(2**62)), ids(2**53 + 1, 2)])
def test_both_evaluators_give_the_same_figures_whatever_the_ids(tmp_path: Path, change: Change) -> None:
    spoil(tmp_path, targets=change)
    found = opened(tmp_path)
    truth = restrict_ground_truth(found.inputs.targets, [1, 2], [record.id for record in found.inputs.target_records])
    predictions = [
        {
            "image_id": annotation.image_id,
            "category_id": annotation.category_id,
            "bbox": list(annotation.bbox),
            "segmentation": {"size": [120, 160], "counts": [20 * 120 + 30, *[40, 80] * 39, 40, 120 * 160 - 7150 + 0]},
            "score": 0.5,
        }
        for annotation in found.inputs.targets.annotations
    ]
    for prediction in predictions:
        x, y, width, height = map(int, prediction["bbox"])
        runs = [x * 120 + y, *[height, 120 - height] * (width - 1), height]
        prediction["segmentation"]["counts"] = [*runs, 120 * 160 - sum(runs)]
    figures = [evaluate(truth, predictions, engine)["segm"]["AP"] for engine in ("hotcoco", "pycocotools")]
    assert figures == [pytest.approx(1.0), pytest.approx(1.0)]


def test_ids_of_a_table_program_are_whole(tmp_path: Path) -> None:
    def floats(content: dict[str, Any]) -> None:
        for entry in (*content["images"], *content["annotations"], *content["categories"]):
            for key in ("id", "image_id", "category_id"):
                if key in entry:
                    entry[key] = float(entry[key])

    spoil(tmp_path, floats, floats)
    found = opened(tmp_path)
    assert found.truth == [20, 21, 22, 23]
    assert found.references == [10, 11, 12, 13]
