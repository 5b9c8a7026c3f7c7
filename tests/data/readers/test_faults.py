"""What is malformed in each format is named with its file and place; what is skipped is counted and said."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ntt.data.coco import CocoDataset
from ntt.data.geometry import annotation_mask
from ntt.data.readers import labelme, masks, voc, yolo
from ntt.data.soundness import check_annotations
from ntt.errors import InputError

H, W = 40, 60


def picture(file: Path, size: tuple[int, int] = (H, W)) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((*size, 3), dtype=np.uint8)).save(file)
    return file


def shapes(folder: Path, *entries: dict[str, Any], **keys: Any) -> Path:
    picture(folder / "a.png")
    document = {"shapes": entries, "imagePath": "a.png", "imageData": None, "imageHeight": H, "imageWidth": W}
    (folder / "a.json").write_text(json.dumps({**document, **keys}))
    return folder


def shape(points: list[Any], kind: str = "polygon", **keys: Any) -> dict[str, Any]:
    return {"label": "cup", "points": points, "shape_type": kind, "group_id": None, **keys}


def areas(dataset: CocoDataset) -> list[int]:
    return [int(annotation_mask(a, H, W).sum()) for a in dataset.annotations]


def reasons(dataset: CocoDataset) -> list[str]:
    return [reason for _, reason in check_annotations(dataset, dataset.annotations, masks_needed=True)[1].unusable]


def test_every_shape_of_labelme(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.fromarray(np.full((5, 8), 255, dtype=np.uint8)).save(buffer, "PNG")
    mask = base64.b64encode(buffer.getvalue()).decode()
    folder = shapes(
        tmp_path,
        shape([[10, 10], [30, 25]], "rectangle"),
        shape([[20, 20], [20, 10]], "circle"),
        shape([[3, 4], [10, 8]], "mask", mask=mask),
        shape([[0, 0], [10, 0], [10, 10], [0, 10]], group_id=1),
        shape([[5, 5]], "point"),
        shape([[1, 1], [5, 5]], "line"),
        shape([[40, 20], [50, 20], [50, 30], [40, 30]], group_id=1),
    )
    found = labelme.Reader().read(folder, "references")
    rectangle, circle, pasted, grouped = areas(found)
    assert (rectangle, pasted, grouped) == (20 * 15, 40, 200)
    assert circle == pytest.approx(np.pi * 100, rel=0.02)
    assert [sentence.partition(", the first: ")[0].rpartition(": ")[2] for sentence in found.told] == [
        "1 points, which have no area, are left out",
        "1 lines, which have no area, are left out",
    ]
    boxed = labelme.Reader(rectangles="boxes").read(folder, "references").annotations[0]
    assert (boxed.segmentation, boxed.bbox) == (None, (10, 10, 20, 15))


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (shape([[1, 2], [3, 4]]), "a.json: shapes[0]: it is a polygon of 2 points"),
        (shape([[1, 2], [3, "x"], [5, 9]]), "a.json: shapes[0]: its points[1] is [3, 'x'], not two numbers"),
        (shape([[1, 2], [3, 1e99]], "circle"), "its points[1] is [3, 1e+99]"),
        (shape([[1, 2], [3, 4]], "heart"), "its shape_type 'heart' is none of"),
        (shape([[1, 2], [9, 9]], "mask", mask="?"), "its mask cannot be decoded"),
        (shape([[100, 100], [200, 200]], "rectangle"), "lie outside their 60x40 picture"),
    ],
)
def test_a_bad_shape_is_an_object_that_cannot_be_used(tmp_path: Path, entry: dict[str, Any], reason: str) -> None:
    found = labelme.Reader().read(shapes(tmp_path, entry, shape([[0, 0], [9, 0], [9, 9]])), "references")
    (told,) = reasons(found)
    assert reason in told


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"shapes": [{"points": []}]}, r"a.json: shapes\[0\] has no label"),
        ({"shapes": 3}, r"a.json: it has no list 'shapes'"),
        ({"imageHeight": "x", "shapes": []}, r"imageHeight is 'x', which is no number of pixels"),
        ({"shapes": []}, r"there is no labelled object in it"),
    ],
)
def test_a_bad_json_of_labelme_is_refused(tmp_path: Path, keys: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        labelme.Reader().read(shapes(tmp_path, **keys), "references")


def yolo_folder(folder: Path, text: str, names: str = "cup\nheart\n") -> Path:
    picture(folder / "a.png")
    (folder / "a.txt").write_text(text)
    (folder / "classes.txt").write_text(names)
    return folder


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0 0.5 0.5 0.2 0.2\n2 0.5 0.5 0.2 0.2", r"a.txt: line 2: class 2 is none of the 2 that .*classes.txt lists"),
        ("0 0.5 0.5 x 0.2", r"a.txt: line 1: '0 0.5 0.5 x 0.2' holds what is no number"),
        ("0.5 0.5 0.5 0.2 0.2", r"line 1: class 0.5 is none of"),
    ],
)
def test_a_bad_line_of_yolo_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        yolo.Reader().read(yolo_folder(tmp_path, text), "references")


def test_lines_of_yolo_that_are_no_objects_and_boxes(tmp_path: Path) -> None:
    lines = ["0 0.5 0.5 0.5 0.5", "1 0.1 0.1 0.9 0.1 0.9 0.9", "0 0.1 0.1 0.9 0.1 0.9 0.9 0.5", "1 10 10 20 20"]
    folder = yolo_folder(tmp_path, "\n".join(lines))
    (folder / "b.txt").write_text("0 0.5 0.5 0.5 0.5")
    found = yolo.Reader().read(folder, "references")
    assert found.annotations[0].bbox == (15, 10, 30, 20)
    assert any("1 text files of labels without an image are left out" in sentence for sentence in found.told)
    told = " ".join(reasons(found))
    assert "a.txt: line 3: its line has 8 numbers" in told
    assert "a.txt: line 4: its coordinates 10 10 20 20 ... are no fractions" in told


def test_splits_of_yolo_are_read_by_role(tmp_path: Path) -> None:
    for split in ("train", "valid"):
        picture(tmp_path / split / "images" / f"{split}.png")
        (tmp_path / split / "labels").mkdir()
        (tmp_path / split / "labels" / f"{split}.txt").write_text("0 0.5 0.5 0.5 0.5")
    (tmp_path / "data.yaml").write_text("train: ../train/images\nval: ../valid/images\nnames: [cup]\n")
    for role, name in (("references", "train"), ("targets", "valid")):
        found = yolo.Reader().read(tmp_path / "data.yaml", role)  # type: ignore[arg-type]
        assert [image.file_name for image in found.images.values()] == [f"{name}/images/{name}.png"]
    with pytest.raises(InputError, match="it has no split 'test', but train, val"):
        yolo.Reader(split="test").read(tmp_path, "targets")


def voc_folder(folder: Path, *objects: str, size: str = f"<width>{W}</width><height>{H}</height>") -> Path:
    picture(folder / "a.png")
    text = f"<annotation><filename>a.png</filename><size>{size}</size>{''.join(objects)}</annotation>"
    (folder / "a.xml").write_text(text)
    return folder


def voc_object(*corners: object, more: str = "") -> str:
    box = "".join(
        f"<{key}>{value}</{key}>" for key, value in zip(("xmin", "ymin", "xmax", "ymax"), corners, strict=False)
    )
    return f"<object><name>cup</name>{more}<bndbox>{box}</bndbox></object>"


def test_boxes_of_voc(tmp_path: Path) -> None:
    difficult = voc_object(1, 1, 10, 10, more="<difficult>1</difficult>")
    folder = voc_folder(tmp_path / "one", voc_object(1, 1, 10, 20), difficult, voc_object(5, 5, "x", 9))
    found = voc.Reader().read(folder, "references")
    assert found.annotations[0].bbox == (0, 0, 10, 20)
    assert [a.isimpossible for a in found.annotations] == [False, True, False]
    assert any("a.xml: object 3 (cup): its xmax 'x' is no number" in reason for reason in reasons(found))
    zero = voc.Reader().read(voc_folder(tmp_path / "zero", voc_object(0, 0, 10, 20), size=""), "references")
    assert zero.annotations[0].bbox == (0, 0, 10, 20)
    assert "boxes are taken to count from 0" in zero.told[0]


def test_masks_of_voc_without_a_box_and_of_another_size(tmp_path: Path) -> None:
    folder = voc_folder(tmp_path, voc_object(1, 1, 10, 10), voc_object(30, 30, 40, 40))
    numbers = np.zeros((H, W), dtype=np.uint8)
    numbers[:10, :10], numbers[20:25, 20:25] = 7, 9
    (folder / "SegmentationObject").mkdir()
    Image.fromarray(numbers).save(folder / "SegmentationObject" / "a.png")
    found = voc.Reader().read(folder, "references")
    assert [a.segmentation is None for a in found.annotations] == [False, True]
    told = " ".join(found.told)
    assert "1 masks that are in no box are left out, the first: SegmentationObject/a.png: value 9" in told
    assert "1 objects have a box and no mask in SegmentationObject, the first: a.xml: object 2 (cup)" in told
    Image.fromarray(numbers[:-1]).save(folder / "SegmentationObject" / "a.png")
    with pytest.raises(InputError, match=r"a.png: it is 60 px wide and 39 high, its XML says 60 and 40"):
        voc.Reader().read(folder, "references")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<annotation>", "not a readable XML file"),
        ("<root/>", "its outermost element is 'root'"),
        ("<annotation><object/></annotation>", "object 1 has no name"),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><annotation/>", "it declares entities"),
    ],
)
def test_a_bad_xml_is_refused(tmp_path: Path, text: str, message: str) -> None:
    picture(tmp_path / "a.png")
    (tmp_path / "a.xml").write_text(text)
    with pytest.raises(InputError, match=message):
        voc.Reader().read(tmp_path, "references")


def mask(folder: Path, name: str, values: np.ndarray) -> None:
    (folder / "masks" / name).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(folder / "masks" / name)


def test_masks_that_need_a_legend_are_of_another_name_or_changed_pixels(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    values = np.zeros((H, W), dtype=np.uint8)
    values[:10, :10], values[20:30, 20:30] = 1, 2
    mask(tmp_path, "a.png", values)
    with pytest.raises(InputError, match=r"masks/a.png: it is a map of all objects of a, and no legend"):
        masks.Reader().read(tmp_path, "references")
    (tmp_path / "masks" / "legend.csv").write_text("1,cup\n")
    mask(tmp_path, "heart/c.png", values)
    found = masks.Reader().read(tmp_path, "references")
    assert areas(found) == [100]
    assert "1 masks whose names are none of" in " ".join(found.told)
    assert "1 values of maps that legend.csv does not name are left out" in " ".join(found.told)
    (tmp_path / "masks" / "legend.csv").write_text("1,cup\n#ff0000,heart\n")
    with pytest.raises(InputError, match=r"legend.csv: it mixes numbers and colours"):
        masks.Reader().read(tmp_path, "references")
    Image.fromarray(values).save(tmp_path / "masks" / "a.jpg")
    (tmp_path / "masks" / "legend.csv").write_text("1,cup\n")
    with pytest.raises(InputError, match="a mask in a format that changes pixels"):
        masks.Reader().read(tmp_path, "references")


def test_soft_edges_are_one_object_and_numbers_are_several(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    soft = np.zeros((H, W), dtype=np.uint8)
    soft[5:15, 5:15], soft[5:15, 15], soft[5:15, 16] = 255, 200, 60
    numbers = np.zeros((H, W), dtype=np.uint8)
    numbers[:4, :4], numbers[10:14, :8] = 1, 2
    mask(tmp_path, "cup/a.png", soft)
    mask(tmp_path, "heart/a.png", numbers)
    mask(tmp_path, "heart/a_3.png", numbers)
    mask(tmp_path, "moth/a.png", np.zeros((H, W), dtype=np.uint8))
    found = masks.Reader().read(tmp_path, "references")
    assert areas(found) == [110, 16, 32, 48, 0]
    assert reasons(found) == ["masks/moth/a.png: its RLE covers no pixel"]
