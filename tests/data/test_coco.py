"""Reading annotation files, and drawing the masks of annotations."""

from __future__ import annotations

import gc
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from ntt.data.coco import Annotation, read_coco
from ntt.data.geometry import annotation_mask
from ntt.errors import InputError


def document() -> dict[str, Any]:
    return {
        "images": [
            {"id": 7, "file_name": "seven.jpg", "height": 40, "width": 60},
            {"id": 3, "file_name": "three.jpg", "height": 50, "width": 50},
        ],
        "categories": [{"id": 5, "name": "cat"}, {"id": 2, "name": "dog"}],
        "annotations": [
            {
                "id": 11,
                "image_id": 7,
                "category_id": 2,
                "bbox": [1, 2, 10.5, 4],
                "segmentation": [[1, 2, 11, 2, 11, 6]],
                "area": 21.5,
                "iscrowd": 1,
            },
            {"id": 4, "image_id": 7, "category_id": 5, "bbox": [0, 0, 5, 6]},
        ],
    }


def write(folder: Path, content: object) -> Path:
    path = folder / "instances.json"
    path.write_text(json.dumps(content))
    return path


def annotation(segmentation: Any) -> Annotation:
    return Annotation(9, 1, 1, (0.0, 0.0, 1.0, 1.0), segmentation, 1.0, False)


def test_records_keep_the_files_order_and_values(tmp_path: Path) -> None:
    path = write(tmp_path, document())
    dataset = read_coco(path)
    assert dataset.path == path
    assert dataset.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert list(dataset.categories.items()) == [(5, "cat"), (2, "dog")]
    assert list(dataset.images) == [7, 3]
    assert (dataset.images[7].file_name, dataset.images[7].height, dataset.images[7].width) == (
        "seven.jpg",
        40,
        60,
    )
    first, second = dataset.annotations
    assert first == Annotation(11, 7, 2, (1.0, 2.0, 10.5, 4.0), [[1, 2, 11, 2, 11, 6]], 21.5, True)
    assert second == Annotation(4, 7, 5, (0.0, 0.0, 5.0, 6.0), None, 30.0, False)
    assert dataset.unlisted == {}
    content = document()
    content["annotations"][1]["isimpossible"] = 1
    assert [a.isimpossible for a in read_coco(write(tmp_path, content)).annotations] == [False, True]


def test_lvis_file_names_come_from_the_url(tmp_path: Path) -> None:
    content = document()
    del content["images"][0]["file_name"]
    content["images"][0]["coco_url"] = "http://images.cocodataset.org/val2017/000000397133.jpg"
    assert read_coco(write(tmp_path, content)).images[7].file_name == "val2017/000000397133.jpg"


def test_a_byte_order_mark_is_no_obstacle(tmp_path: Path) -> None:
    path = tmp_path / "instances.json"
    path.write_text(json.dumps(document()), encoding="utf-8-sig")
    assert len(read_coco(path).annotations) == 2


def test_the_garbage_collector_is_left_as_it_was(tmp_path: Path) -> None:
    assert gc.isenabled()
    read_coco(write(tmp_path, document()))
    with pytest.raises(InputError):
        read_coco(write(tmp_path, []))
    assert gc.isenabled()


def _set(key: str, index: int, field: str, value: object) -> Callable[[dict[str, Any]], None]:
    return lambda content: content[key][index].__setitem__(field, value)


def _drop(key: str, index: int, field: str) -> Callable[[dict[str, Any]], None]:
    return lambda content: content[key][index].__delitem__(field)


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda content: content.pop("images"), "no list 'images'"),
        (lambda content: content.update(annotations={}), "no list 'annotations'"),
        (lambda content: content.update(categories=[]), "'categories' is empty"),
        (_drop("images", 1, "id"), r"images\[1\] has no 'id'"),
        (_drop("images", 0, "height"), r"images\[0\] has no 'height'"),
        (_drop("images", 0, "file_name"), r"images\[0\] has no 'file_name'"),
        (_drop("categories", 1, "name"), r"categories\[1\] has no 'name'"),
        (_set("images", 1, "id", 7), r"images\[1\] repeats the id 7"),
        (_set("annotations", 1, "id", 11), r"annotations\[1\] repeats the id 11"),
        (_set("categories", 1, "id", 5), r"categories\[1\] repeats the id 5"),
        (_set("annotations", 0, "image_id", 99), "annotation 11 has image_id 99"),
        (_set("annotations", 0, "category_id", 99), "annotation 11 has category_id 99"),
        (_set("annotations", 0, "id", "11"), "id must be a whole number"),
        (_set("images", 0, "width", 0), "must be positive"),
        (_set("categories", 0, "name", 3), "name must be a text"),
        (lambda content: content["annotations"].append("text"), r"annotations\[2\] is malformed"),
    ],
)
def test_damaged_content_is_one_sentence_with_the_file(
    tmp_path: Path, damage: Callable[[dict[str, Any]], None], complaint: str
) -> None:
    content = document()
    damage(content)
    path = write(tmp_path, content)
    with pytest.raises(InputError, match=complaint) as caught:
        read_coco(path)
    assert str(path) in str(caught.value)


def test_annotations_of_unlisted_categories_are_left_out_and_counted_where_that_is_wanted(tmp_path: Path) -> None:
    content = document()
    more = [{**content["annotations"][1], "id": 20 + i, "category_id": c} for i, c in enumerate((99, 5, 99, 8))]
    content["annotations"] += more
    dataset = read_coco(write(tmp_path, content), unlisted="count")
    assert [a.id for a in dataset.annotations] == [11, 4, 21]
    assert dataset.unlisted == {99: 2, 8: 1}
    with pytest.raises(InputError, match="annotation 20 has category_id 99"):
        read_coco(write(tmp_path, content))


@pytest.mark.parametrize(
    ("key", "value", "fault"),
    [
        ("bbox", None, "it has no bbox"),
        ("bbox", [], "its bbox [] is not four finite numbers"),
        ("bbox", [1, 2, 3], "its bbox [1, 2, 3] is not four"),
        ("bbox", [1, 2, 3, None], "[1, 2, 3, null]"),
        ("bbox", [1, 2, 3, float("nan")], "[1, 2, 3, NaN]"),
        ("bbox", {"x": 1}, '{"x": 1}'),
        ("segmentation", "mask.png", 'its segmentation "mask.png" is neither polygons nor an RLE'),
        ("iscrowd", "maybe", 'its iscrowd "maybe" is neither 0 nor 1'),
    ],
)
def test_values_that_cannot_be_read_are_the_annotations_fault(
    tmp_path: Path, key: str, value: object, fault: str
) -> None:
    content = document()
    content["annotations"][1][key] = value
    first, second = read_coco(write(tmp_path, content)).annotations
    assert first.faults is None
    assert second.faults is not None
    assert fault in second.faults[key]


@pytest.mark.parametrize(
    ("value", "crowd"),
    [(0, False), ("0", False), (None, False), ("false", False), (True, True), ("1", True), (1.0, True)],
)
def test_crowds_are_told_by_what_is_written(tmp_path: Path, value: object, crowd: bool) -> None:
    content = document()
    content["annotations"][1]["iscrowd"] = value
    assert read_coco(write(tmp_path, content)).annotations[1].iscrowd is crowd


@pytest.mark.parametrize(
    "raw", [b"", b"<html>404</html>", b'{"images": [', b"\xff\xfe\x00\x01", b"[" * 200_000, b"[]", b"3"]
)
def test_files_that_are_no_coco_json(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "instances.json"
    path.write_bytes(raw)
    with pytest.raises(InputError, match="not a"):
        read_coco(path)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.json: cannot be read"):
        read_coco(tmp_path / "nowhere.json")
    with pytest.raises(InputError, match="cannot be read"):
        read_coco(tmp_path)


def test_real_annotations_are_drawn_as_pycocotools_draws_them(tiny_coco: Path) -> None:
    path = tiny_coco / "annotations" / "instances_val2017.json"
    dataset = read_coco(path)
    reference = COCO(str(path))
    assert any(isinstance(a.segmentation, dict) for a in dataset.annotations)
    for drawn in dataset.annotations:
        image = dataset.images[drawn.image_id]
        mask = annotation_mask(drawn, image.height, image.width)
        np.testing.assert_array_equal(mask, reference.annToMask(reference.anns[drawn.id]))


@given(
    mask=st.tuples(st.integers(1, 9), st.integers(1, 9)).flatmap(
        lambda size: st.lists(st.booleans(), min_size=size[0] * size[1], max_size=size[0] * size[1]).map(
            lambda bits: np.array(bits, dtype=np.uint8).reshape(size)
        )
    )
)
def test_both_kinds_of_rle_round_trip(mask: NDArray[np.uint8]) -> None:
    height, width = mask.shape
    compressed = coco_mask.encode(np.asfortranarray(mask))
    column_major = mask.flatten(order="F")
    ends = np.flatnonzero(np.diff(column_major)) + 1
    runs = np.diff([0, *ends, mask.size]).tolist()
    uncompressed = runs if column_major[0] == 0 else [0, *runs]
    for counts in (compressed["counts"], compressed["counts"].decode(), uncompressed):
        drawn = annotation_mask(annotation({"size": [height, width], "counts": counts}), height, width)
        assert drawn.dtype == np.uint8
        np.testing.assert_array_equal(drawn, mask)


@given(st.one_of(st.text(max_size=40), st.text(st.characters(min_codepoint=48, max_codepoint=111), max_size=40)))
def test_damaged_compressed_counts_are_refused_or_a_whole_mask(counts: str) -> None:
    # In pycocotools such strings end in a crash of the process.
    try:
        mask = annotation_mask(annotation({"size": [4, 8], "counts": counts}), 4, 8)
    except InputError:
        return
    assert mask.shape == (4, 8)
    np.testing.assert_array_equal(mask, coco_mask.decode({"size": [4, 8], "counts": counts}))


def test_polygons_are_united_and_slivers_ignored() -> None:
    left, right = [0, 0, 3, 0, 3, 4, 0, 4], [5, 0, 8, 0, 8, 4, 5, 4]
    mask = annotation_mask(annotation([left, right, [0, 0, 8, 4], []]), 4, 8)
    expected = np.zeros((4, 8), dtype=np.uint8)
    expected[:, 0:3] = expected[:, 5:8] = 1
    np.testing.assert_array_equal(mask, expected)
    assert not annotation_mask(annotation([[1, 1, 2, 2]]), 4, 8).any()


def test_polygons_may_leave_the_image() -> None:
    assert annotation_mask(annotation([[-5, -5, 50, -5, 50, 50, -5, 50]]), 4, 8).all()


@pytest.mark.parametrize(
    "segmentation",
    [
        {"size": [8, 4], "counts": [32]},
        {"size": [4, 8]},
        {"size": [4, 8], "counts": [30]},
        {"size": [4, 8], "counts": []},
        {"size": [4, 8], "counts": [40, -8]},
        {"size": [4, 8], "counts": [1.5, 30.5]},
        {"size": [4, 8], "counts": 3},
        {"size": [4, 8], "counts": "not a mask"},
        {"size": [4, 8], "counts": "o" * 5000},
        {"size": [4, 8], "counts": "P1P"},
        {"size": [4, 8], "counts": ""},
        {"size": [4, 8], "counts": b"\xff\xfe"},
        {"size": 4, "counts": [32]},
        [[0, 0, 1, 1, 2]],
        [[0, 0, 1, 1, 2, float("nan")]],
        [[0, 0, 1, 1, 2, 1e30]],
        [["a", "b", "c", "d", "e", "f"]],
        [{"x": 1}],
        None,
    ],
)
def test_malformed_segmentations_name_the_annotation(segmentation: Any) -> None:
    with pytest.raises(InputError, match="annotation 9 has"):
        annotation_mask(annotation(segmentation), 4, 8)
