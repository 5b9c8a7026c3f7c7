"""The sweep of each folder of experiments/, executed as its README has it, on a miniature of its data set."""

from __future__ import annotations

import json
from pathlib import Path

from miniatures import coco_document, pictures, write_cdfsod, write_coco, write_roboflow
from readme_sweeps import reports_of, run_report, run_small, run_sweep, sweeps_of

from experiments.custom import boats_birds
from ntt.data.splits import COCO_NOVEL
from ntt.sweeps.collect import collect


def test_coco_fsod(tmp_path: Path) -> None:
    write_coco(tmp_path / "coco", COCO_NOVEL, train=15, val=2)
    (words,), (report,) = sweeps_of("coco_fsod"), reports_of("coco_fsod")

    made = run_sweep(words, tmp_path, {"dataset.root": "coco", "shots": "1,2", "seed": "33,42"})

    points = collect([made]).points
    assert [(point.shots, point.seed, point.state) for point in points] == [
        (shots, seed, "complete") for shots in (1, 2) for seed in (33, 42)
    ]
    page = run_report(report, tmp_path, made)
    table = (page / "ap.md").read_text()
    assert "- training-free, proposals of an unchanged SAM: No Time to Train" in table  # kinds are told apart
    assert (page / "ap.png").stat().st_size > 1000


def test_a_folder_of_roboflow(tmp_path: Path) -> None:
    names = ("cup", "bell", "tree", "key")
    write_roboflow(tmp_path / "data", names, train=4, test=2)
    (words,), (report,) = sweeps_of("custom"), reports_of("custom")[:1]

    made = run_sweep(words, tmp_path, {"dataset.root": "data", "shots": "1,5", "seed": "33,42"})

    points = collect([made]).points
    assert [point.state for point in points] == ["complete"] * 4
    for point in points:
        assert point.metrics is not None
        assert set(point.metrics["per_class"]) == set(names)  # not the project's name, which owns nothing
        assert point.metrics["pseudo"]["segm"]["made by"] == "sam2_demo"
    assert "segm (pseudo)" in (run_report(report, tmp_path, made) / "ap.md").read_text()


def test_boats_and_birds(tmp_path: Path) -> None:
    numbers = [*boats_birds.REFERENCES.values(), *boats_birds.TARGETS]
    shown = pictures(("bird", "boat"), len(numbers), 7)
    document = coco_document(shown, ("bird", "boat"))
    for image, number, picture in zip(document["images"], numbers, shown, strict=True):
        (tmp_path / "coco" / "train2017").mkdir(parents=True, exist_ok=True)
        picture.save(tmp_path / "coco" / "train2017")
        for annotation in document["annotations"]:
            if annotation["image_id"] == image["id"]:
                annotation["image_id"] = number
        image["id"] = number
    (tmp_path / "coco" / "annotations").mkdir()
    (tmp_path / "coco" / "annotations" / "instances_train2017.json").write_text(json.dumps(document))
    assert boats_birds.main([str(tmp_path / "coco"), str(tmp_path / "toy")]) == 0

    done = run_small(("+experiment=boats_birds", "dataset.root=toy"), tmp_path)

    assert json.loads((done / "metrics.json").read_text())["bbox"]["AP"] > 0.1  # drawn, as all that the networks know
    references = json.loads((done / "prompted_references.json").read_text())["annotations"]
    assert [one["category_id"] for one in references] == [1, 2]
    assert "| bbox |" in (done / "report.md").read_text()
    page = run_report(reports_of("custom")[1], tmp_path, done) / "ap.md"
    assert "No Time to Train" in page.read_text()


def test_tfas_fixed_references_of_coco(tmp_path: Path) -> None:
    names = ("person", "bird", "cat", "dog")
    write_coco(tmp_path / "coco", names, train=3, val=2)
    train = json.loads((tmp_path / "coco" / "annotations" / "instances_train2017.json").read_text())
    group = tmp_path / "coco" / "cocosplit" / "seed2"
    group.mkdir(parents=True)
    for category in train["categories"]:
        own = [one for one in train["annotations"] if one["category_id"] == category["id"]][:2]
        images = [dict(one) for one in train["images"] if one["id"] in {a["image_id"] for a in own}]
        for image in images:
            image["file_name"] = f"COCO_train2014_{image['file_name']}"
        document = {"images": images * 2, "annotations": own, "categories": train["categories"]}
        (group / f"full_box_2shot_{category['name']}_trainval.json").write_text(json.dumps(document))

    split = f"split=[{','.join(names)}]"
    done = run_small(("+experiment=coco_tfa", "dataset.root=coco", "shots=2", "seed=2", split), tmp_path)

    assert json.loads((done / "timings.json").read_text())["references"]["references"] == 8
    assert json.loads((done / "metrics.json").read_text())["segm"]["AP"] > 0


def test_cd_fsod(tmp_path: Path) -> None:
    """Two of the six: nested folders, a class with fewer references than asked for, and ground truth of boxes only."""
    for name, nested in (("DIOR", ("new_train", "new_test")), ("clipart1k", ("", ""))):
        write_cdfsod(tmp_path / "data" / name, ("square", "plate"), *nested)
    (words,), (report,) = sweeps_of("cd_fsod"), reports_of("cd_fsod")

    made = run_sweep(words, tmp_path, {"dataset.root": "data", "dataset.name": "DIOR,clipart1k", "shots": "1,5"})

    points = collect([made]).points
    assert [(point.split, point.shots, point.state) for point in points] == [
        (name, shots, "complete") for name in ("DIOR", "clipart1k") for shots in (1, 5)
    ]
    assert all(point.metrics and point.metrics["pseudo"] for point in points)
    rows = [line.split(" | ") for line in (run_report(report, tmp_path, made) / "ap.md").read_text().splitlines()]
    (dior,) = [row for row in rows if row[0] == "| DIOR" and row[1] == "5" and "18.5" in row]  # of bbox
    assert float(dior[3]) > 0
    assert any(row[0] == "| mean" and row[1] == "1" and "18.0" in row for row in rows)
