"""`ntt check`: what it shows, what it refuses, and that a run refuses the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import ntt
from PIL import Image

from ntt.commands import check
from ntt.run import conf_folder

RGB = np.full((100, 120, 3), 90, dtype=np.uint8)


def labels(folder: Path, **changes: Any) -> Path:
    """Two cups in two pictures of 120 x 100; `changes` replace lists of the document."""
    folder.mkdir(exist_ok=True)
    for name in ("a.png", "b.png"):
        Image.fromarray(RGB).save(folder / name)
    square = [[20, 20, 70, 20, 70, 70, 20, 70]]
    entry = {"category_id": 1, "bbox": [20, 20, 50, 50], "area": 2500, "iscrowd": 0, "segmentation": square}
    document = {
        "images": [{"id": i, "file_name": n, "height": 100, "width": 120} for i, n in ((1, "a.png"), (2, "b.png"))],
        "annotations": [{**entry, "id": i, "image_id": i} for i in (1, 2)],
        "categories": [{"id": 1, "name": "cup"}],
    }
    document.update(changes)
    (folder / "refs.json").write_text(json.dumps(document))
    return folder / "refs.json"


def annotation(**changes: Any) -> dict[str, Any]:
    given = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [20, 20, 50, 50], "iscrowd": 0, "area": 2500}
    return {**given, "segmentation": [[20, 20, 70, 20, 70, 70, 20, 70]], **changes}


def checked(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, dict[str, Any]]:
    code = check.run([*map(str, words), "--json"], conf_folder())
    return code, json.loads(capsys.readouterr().out)


def test_sound_labels_are_taken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, found = checked(capsys, labels(tmp_path / "refs"))
    assert code == 0
    assert found["ok"] is True
    assert found["problems"] == found["notes"] == []
    (one,) = found["files"]
    assert (one["role"], one["format"], one["images"], one["objects"]) == ("references", "coco", 2, 2)
    assert one["classes"] == [{"name": "cup", "objects": 2, "images": 2, "references": 2, "others": {}}]


def test_each_object_that_is_no_reference_is_counted_by_its_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    crowd = annotation(id=2, iscrowd=1)
    outside = annotation(id=3, segmentation=[[300, 300, 340, 300, 340, 340]])
    empty = annotation(id=4, segmentation=[[20, 20, 20, 20, 20, 20]])
    small = annotation(id=5, bbox=[20, 20, 8, 8], segmentation=[[20, 20, 28, 20, 28, 28, 20, 28]])
    file = labels(tmp_path / "refs", annotations=[annotation(), crowd, outside, empty, small])
    code, found = checked(capsys, file)
    assert code == 0
    (kind,) = found["files"][0]["classes"]
    assert kind["references"] == 2
    assert kind["others"] == {"a crowd": 1, "unusable": 2}
    assert [entry.partition(":")[0] for entry in found["files"][0]["unusable"]] == ["annotation 3", "annotation 4"]
    assert "lie outside their 120x100 picture" in found["files"][0]["unusable"][0]
    assert "cover no pixel" in found["files"][0]["unusable"][1]
    _, found = checked(capsys, file, "dataset.reference_ids=null", "shots=1")
    (kind,) = found["files"][0]["classes"]
    assert kind["references"] == 1
    assert kind["others"] == {"a crowd": 1, "unusable": 2, "under 32 px": 1}


def test_pictures_that_are_missing_damaged_or_of_another_size(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ["a.png", "b.png", "gone.png", "cut.png", "turned.jpg", "large.png"]
    images = [{"id": i, "file_name": name, "height": 100, "width": 120} for i, name in enumerate(names, start=1)]
    entries = [annotation(id=i, image_id=i) for i in range(1, 7)]
    file = labels(tmp_path / "refs", images=images, annotations=entries)
    (tmp_path / "refs" / "cut.png").write_bytes((tmp_path / "refs" / "a.png").read_bytes()[:60])
    Image.fromarray(np.zeros((140, 160, 3), dtype=np.uint8)).save(tmp_path / "refs" / "large.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.zeros((100, 120, 3), dtype=np.uint8)).save(tmp_path / "refs" / "turned.jpg", exif=exif)
    code, found = checked(capsys, file)
    assert code == 0
    (one,) = found["files"]
    assert one["missing"] == {"gone.png": "the file does not exist"}
    assert sorted(one["unreadable"]) == ["cut.png", "large.png"]  # turned.jpg: annotated as it is stored
    assert "160 px wide and 140 high, its annotations say 120 and 100" in one["unreadable"]["large.png"]
    _, quick = checked(capsys, file, "--quick")
    assert sorted(quick["files"][0]["unreadable"]) == ["large.png"]  # only a header was read of cut.png


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"annotations": [annotation(), annotation()]}, "repeats the id 1"),
        ({"categories": [{"id": 1, "name": "cup"}, {"id": 2, "name": "cup"}]}, None),
        (
            {
                "categories": [{"id": 1, "name": "cup"}, {"id": 2, "name": "cup"}],
                "annotations": [annotation(), annotation(id=2, category_id=2)],
            },
            "several categories are called 'cup'",
        ),
        ({"annotations": [annotation(iscrowd=1)]}, "class 'cup' has no fixed reference"),
        ({"annotations": [annotation(segmentation=[])]}, None),  # the segmenter makes a mask of the box
    ],
)
def test_what_a_run_would_refuse_is_a_problem(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, Any], message: str | None
) -> None:
    code, found = checked(capsys, labels(tmp_path / "refs", **changes))
    assert (code, found["ok"]) == ((2, False) if message else (0, True))
    assert not message or message in found["problems"][0]


def test_classes_of_one_file_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    refs = labels(tmp_path / "refs")
    kinds = [{"id": 1, "name": "cup"}, {"id": 2, "name": "moth"}]
    targets = labels(tmp_path / "targets", categories=kinds)
    code, found = checked(capsys, refs, targets)
    assert code == 0
    assert any("1 of its classes have no reference and are not looked for: 'moth'" in note for note in found["notes"])
    code, found = checked(capsys, targets, refs)  # no moth is annotated: it is no class of the run
    assert code == 0
    assert any("'moth'" in note for note in found["notes"])
    code, found = checked(capsys, refs, labels(tmp_path / "others", categories=[{"id": 1, "name": "Cup"}]))
    assert code == 2
    assert "none of the classes 'cup'" in found["problems"][0]


def test_pictures_of_references_that_cannot_be_read_are_a_problem_before_any_network(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = labels(tmp_path / "refs")
    for name in ("a.png", "b.png"):
        (tmp_path / "refs" / name).write_bytes(b"no picture")
    code, found = checked(capsys, file)
    assert code == 2
    assert "class 'cup' has no reference whose picture can be read (a.png: it is no image" in found["problems"][0]


@pytest.mark.parametrize("words", [[], ["a", "b", "c"], ["--jason", "a"]])
def test_a_command_line_that_is_none_is_said(words: list[str]) -> None:
    with pytest.raises(check.InputError, match="ntt check"):
        check.run(words, conf_folder())


@pytest.mark.integration
def test_the_command_is_there_and_prints_a_table(tmp_path: Path) -> None:
    labels(tmp_path / "refs")
    done = ntt("check", "refs", "refs/a.png", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "references: refs/refs.json is coco, 2 images, 2 objects" in done.stdout
    assert "cup" in done.stdout
    assert "A run would take this." in done.stdout
    done = ntt("check", "nothing", cwd=tmp_path)
    assert done.returncode == 2
    assert "refused: nothing does not exist (dataset.references)" in done.stdout


@pytest.mark.integration
def test_a_run_asks_for_checkpoints_after_the_labels_were_found_good_and_names_all(tmp_path: Path) -> None:
    labels(tmp_path / "refs")
    absent = ["backbone.weights=no.pt", "segmenter.weights=none.pt", "device=cpu", "hydra.run.dir=out"]
    run = ["+experiment=custom", "dataset.references=refs", *absent]
    done = ntt(*run, "dataset.targets=refs/a.png", cwd=tmp_path)
    assert done.returncode == 2
    assert "no.pt does not exist (backbone.weights)" in done.stderr
    assert "none.pt does not exist (segmenter.weights)" in done.stderr
    done = ntt(*run, "dataset.targets=photos", cwd=tmp_path)
    assert "photos does not exist (dataset.targets)" in done.stderr
    assert "no.pt does not exist" in done.stderr
    assert "none.pt does not exist" in done.stderr
    labels(tmp_path / "refs", annotations=[annotation(iscrowd=1)])
    done = ntt(*run, "dataset.targets=refs/a.png", cwd=tmp_path)
    assert done.returncode == 2
    assert "class 'cup' has no fixed reference" in done.stderr
    assert "checkpoint" not in done.stderr
