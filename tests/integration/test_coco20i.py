"""COCO-20i in its own layout, in miniature: episodes of one class, and the classes of a fold at once."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from miniatures import coco_document, pictures, write_coco
from PIL import Image
from readme_sweeps import DEMO, reports_of, run_once, run_report, run_sweep, sweeps_of

from ntt.data.splits import COCO_CLASSES, COCO_SPLITS
from ntt.evaluation.semantic import Semantic
from ntt.foreign.documents import read_object
from ntt.sweeps.collect import collect

FOLD = COCO_SPLITS["fold0"]
EPISODES = 6


def write_coco20i(root: Path, masks: bool) -> None:
    """COCO 2014's val with the classes of fold 0, the first image without objects; the official masks if asked for."""
    shown = pictures(FOLD, 10, 1)
    document = coco_document(shown, FOLD, prefix="COCO_val2014_")
    for picture in shown:
        name = picture.save(root / "val2014")
        (root / "val2014" / name).rename(root / "val2014" / f"COCO_val2014_{name}")
    document["annotations"] = [one for one in document["annotations"] if one["image_id"] != 1]
    document["annotations"][0]["iscrowd"] = 1
    (root / "annotations").mkdir()
    (root / "annotations" / "instances_val2014.json").write_text(json.dumps(document))
    if masks:
        (root / "annotations" / "val2014").mkdir()
        for picture in shown:
            values = np.zeros(picture.pixels.shape[:2], dtype=np.uint8)
            for one in picture.objects:
                values[one.mask] = 1 + COCO_CLASSES.index(one.name)
            Image.fromarray(values).save(root / "annotations" / "val2014" / f"COCO_val2014_{picture.stem}.png")


@pytest.fixture(scope="module")
def episodes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which some episodes were run, by objects and by official masks over the same images."""
    cwd = tmp_path_factory.mktemp("episodes")
    for name in ("instances", "official"):
        write_coco20i(cwd / name, masks=name == "official")
        options = [f"dataset.root={name}", f"dataset.format.episodes={EPISODES}", f"hydra.run.dir=of_{name}"]
        run_once(["+experiment=coco20i_fold0", *options, *DEMO], cwd)
    return cwd


@pytest.mark.parametrize("name", ["instances", "official"])
def test_episodes_are_run_and_said_whose_masks_measured_them(episodes: Path, name: str) -> None:
    metrics = read_object(episodes / f"of_{name}" / "metrics.json", "")
    assert metrics["semantic"]["masks"] == name
    assert metrics["semantic"]["protocol"] == "1-way"
    assert 0 <= metrics["segm"]["mIoU"] <= 1
    assert len(metrics["per_class"]) <= EPISODES
    assert set(metrics["per_class"]) <= set(FOLD)
    # Each is looked for in the image of its own episode only.
    found = {(p["image_id"], p["category_id"]) for p in predictions_of(episodes / f"of_{name}")}
    assert len(found) == len({category for _, category in found}) == EPISODES
    report = (episodes / f"of_{name}" / "report.md").read_text()
    assert "| mIoU | FBIoU |" in report
    assert {"instances": "joined from objects", "official": "official COCO-20i masks"}[name] in report


def predictions_of(folder: Path) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads((folder / "predictions.json").read_text())
    return found


def test_the_sweep_of_the_folds_is_reported_with_their_mean(episodes: Path) -> None:
    """The README's own command; the second fold is some of the miniature's classes."""
    (words,), (report,) = sweeps_of("coco20i"), reports_of("coco20i")
    values = {"dataset.root": "official", "dataset.format.episodes": "2", "shots": "1", "seed": "4"}
    made = run_sweep(words, episodes, {**values, "split": "fold0,[chair,microwave,sandwich,scissors]"})
    table = (run_report(report, episodes, made) / "miou.md").read_text()
    (row,) = [line for line in table.splitlines() if line.startswith("| mean |")]
    assert "| 52.7 |" in row  # of Matcher, with one shot
    assert "Matcher, GF-SAM, INSID3" in table
    points = collect([made]).points
    assert len(points) == 2
    mean = sum(point.metrics["segm"]["mIoU"] for point in points if point.metrics) / 2
    assert f"| {100 * mean:.1f} |" in row


def test_twenty_classes_at_once(tmp_path: Path) -> None:
    write_coco(tmp_path / "coco", FOLD, train=10, val=2)
    options = ["dataset.root=coco", "memory.shortage=invalid", "hydra.run.dir=out"]
    run_once(["+experiment=coco20i_20way", *options, *DEMO], tmp_path)
    metrics = read_object(tmp_path / "out" / "metrics.json", "")
    assert metrics["semantic"]["protocol"] == "20-way"
    truth = read_object(tmp_path / "coco" / "annotations" / "instances_val2017.json", "")
    again = Semantic().evaluate(truth, predictions_of(tmp_path / "out"))
    assert metrics["segm"] == pytest.approx(again["segm"])
    assert set(metrics["per_class"]) == set(FOLD)
