"""TFA's fixed references: which files, which objects, which pictures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from miniatures import pictures, voc_xml

from ntt.data.readers.catalogue import read_labels
from ntt.data.tfa import CocoSplit, VocSplit
from ntt.errors import InputError

NAMES = ("bird", "cow", "sofa", "bus")


def cocosplit(folder: Path, shots: int, names: tuple[str, ...]) -> Path:
    """A file a class; the second picture is in each of them."""
    folder.mkdir(parents=True, exist_ok=True)
    categories = [{"id": number, "name": name} for number, name in enumerate((*names, "person"), start=1)]
    for number, name in enumerate(names, start=1):
        images = [
            {"id": i, "file_name": f"COCO_{'val' if i == 2 else 'train'}2014_{i:012d}.jpg", "height": 90, "width": 99}
            for i in (2, 10 * number)
        ]
        objects = [
            {"id": 100 * number + i, "image_id": i, "category_id": number, "bbox": [1, 2, 40, 50], "area": 2000}
            for i in (2, 10 * number)
        ]
        document = {"images": images, "annotations": objects, "categories": categories}
        (folder / f"full_box_{shots}shot_{name}_trainval.json").write_text(json.dumps(document))
    return folder


def test_the_files_of_a_shot_count_are_one_set(tmp_path: Path) -> None:
    folder = cocosplit(tmp_path, 2, ("traffic light", "cat"))
    cocosplit(tmp_path, 5, ("cat",))
    found = CocoSplit(shots=2).read(folder, "references")
    assert found.categories == {1: "traffic light", 2: "cat", 3: "person"}
    assert [(one.id, one.image_id, one.category_id) for one in found.annotations] == [
        (202, 2, 2),
        (220, 20, 2),
        (102, 2, 1),
        (110, 10, 1),
    ]
    assert {record.file_name for record in found.images.values()} == {f"{i:012d}.jpg" for i in (2, 10, 20)}
    written = CocoSplit(shots=2, images=2014).read(folder, "references")
    assert written.images[2].file_name == "COCO_val2014_000000000002.jpg"


def test_the_digest_is_of_the_files_that_are_read(tmp_path: Path) -> None:
    def digest(folder: Path) -> str:
        given = {"_target_": "ntt.data.tfa.CocoSplit", "shots": 2}
        return read_labels(given, folder, "references").dataset.sha256

    folder = cocosplit(tmp_path / "one", 2, ("cat", "dog"))
    first = digest(folder)
    cocosplit(folder, 5, ("cat",))
    assert digest(folder) == first == digest(cocosplit(tmp_path / "two", 2, ("cat", "dog")))
    assert digest(cocosplit(tmp_path / "three", 2, ("cat", "cow"))) != first


def test_a_shot_count_that_is_not_there_is_said(tmp_path: Path) -> None:
    folder = cocosplit(tmp_path / "seed1", 2, ("cat",))
    cocosplit(tmp_path / "seed1", 10, ("cat",))
    with pytest.raises(InputError, match=r"holds no full_box_3shot_.*there are those of 2, 10 shots"):
        CocoSplit(shots=3).read(folder, "references")
    (tmp_path / "VOCdevkit").mkdir()
    with pytest.raises(InputError, match="there are none of any"):
        VocSplit(shots=3).read(folder, "references")


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    folder = cocosplit(tmp_path, 2, ("cat", "dog"))
    (folder / "full_box_2shot_dog_trainval.json").write_text('{"images": [1]}')
    with pytest.raises(InputError, match=r"full_box_2shot_dog_trainval\.json: not a COCO file"):
        CocoSplit(shots=2).read(folder, "references")


@pytest.fixture
def voc(tmp_path: Path) -> Path:
    """Two pictures of 2007 and one of 2012, of which the first object of each class is difficult in the last."""
    for year, shown in (("VOC2007", pictures(NAMES, 2, 1)), ("VOC2012", pictures(NAMES, 1, 9))):
        folder = tmp_path / "VOCdevkit" / year / "Annotations"
        folder.mkdir(parents=True)
        for picture in shown:
            stem = f"2008_{picture.stem}" if year == "VOC2012" else picture.stem
            objects = [(one, year == "VOC2012") for one in picture.objects]
            (folder / f"{stem}.xml").write_text(voc_xml(f"{stem}.jpg", objects))
    return tmp_path


def test_vocs_lists_name_pictures_and_classes(voc: Path) -> None:
    group = voc / "vocsplit" / "seed1"
    group.mkdir(parents=True)
    first, second = pictures(NAMES, 2, 1)
    lines = "".join(f"datasets/VOC2007/JPEGImages/{picture.stem}.jpg\n" for picture in (first, second))
    (group / "box_1shot_bird_train.txt").write_text(lines)
    (group / "box_1shot_sofa_train.txt").write_text(
        f"{lines}datasets/VOC2012/JPEGImages/2008_{pictures(NAMES, 1, 9)[0].stem}.jpg\n"
    )
    every = [one for picture in (first, second) for one in picture.objects]
    assert sum(one.name == "bird" for one in every) > 1  # of which one is drawn

    draws = [VocSplit(shots=1, seed=seed).read(group, "references") for seed in range(8)]

    for found in draws:
        assert sorted(found.categories[one.category_id] for one in found.annotations) == ["bird", "sofa"]
        for one in found.annotations:
            name = found.categories[one.category_id]
            assert tuple(one.bbox) in [tuple(map(float, other.box)) for other in every if other.name == name]
    assert len({tuple(one.bbox for one in found.annotations) for found in draws}) > 1
    again = VocSplit(shots=1, seed=3).read(group, "references")
    assert again.annotations == draws[3].annotations


def test_without_a_devkit_the_way_out_is_said(tmp_path: Path) -> None:
    (tmp_path / "box_1shot_bird_train.txt").write_text("datasets/VOC2007/JPEGImages/000001.jpg\n")
    with pytest.raises(InputError, match="has no VOCdevkit beside it or above it"):
        VocSplit(shots=1).read(tmp_path, "references")
