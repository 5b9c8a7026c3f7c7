"""PASCAL VOC few-shot in miniature: the README's sweep over its official layout, and nAP50 computed once more."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from miniatures import pictures, voc_xml, write_voc
from readme_sweeps import reports_of, run_report, run_small, run_sweep, sweeps_of
from voc_by_hand import Box, eleven_points, from_one

from ntt.data.readers import voc
from ntt.data.splits import VOC_SPLITS
from ntt.sweeps.collect import Point, collect

NAMES = (*sorted({name for split in VOC_SPLITS.values() for name in split}), "person")
TEST = 4


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Where it ran, and the folder of its points."""
    cwd = tmp_path_factory.mktemp("voc")
    write_voc(cwd / "data", NAMES, train=12, test=TEST)
    (words,) = sweeps_of("pascal_voc")
    return cwd, run_sweep(words, cwd, {"dataset.root": "data", "shots": "1,2", "memory.shortage": "take"})


@pytest.fixture(scope="module")
def points(sweep: tuple[Path, Path]) -> list[Point]:
    return collect([sweep[1]]).points


def test_every_point_is_complete_and_pseudo_in_masks(points: list[Point]) -> None:
    assert [(point.split, point.shots, point.state) for point in points] == [
        (split, shots, "complete") for split in VOC_SPLITS for shots in (1, 2)
    ]
    for point in points:
        assert point.metrics is not None
        assert set(point.metrics["per_class"]) == set(VOC_SPLITS[point.split])
        assert point.metrics["pseudo"]["segm"]["made by"] == "sam2_demo"
    assert (
        max(point.metrics["bbox"]["AP50voc"] for point in points if point.metrics) > 0.2
    )  # the networks see drawn scenes


def test_nap50_is_that_of_an_independent_computation(sweep: tuple[Path, Path], points: list[Point]) -> None:
    kit = sweep[0] / "data" / "VOCdevkit" / "VOC2007"
    for point in points:
        assert point.metrics is not None
        rows = json.loads((point.folder / "predictions.json").read_text())
        assert rows
        ids = {name: number for number, name in enumerate(all_names(), start=1)}
        stems = sorted((kit / "ImageSets" / "Main" / "test.txt").read_text().split())
        found = {}
        for name in VOC_SPLITS[point.split]:
            detections = [
                (row["score"], stems[row["image_id"] - 1], from_one(row["bbox"]))
                for row in rows
                if row["category_id"] == ids[name]
            ]
            found[name] = eleven_points(name, detections, {stem: list(objects(kit, stem)) for stem in stems})
        for name, precision in found.items():
            assert point.metrics["per_class"][name]["bbox"]["AP50voc"] == pytest.approx(precision, abs=1e-12)
        known = [precision for precision in found.values() if precision >= 0]
        assert point.metrics["bbox"]["AP50voc"] == pytest.approx(sum(known) / len(known), abs=1e-12)


def test_the_report_stands_beside_the_published_figures(sweep: tuple[Path, Path]) -> None:
    (report,) = reports_of("pascal_voc")
    page = (run_report(report, *sweep) / "ap50.md").read_text()
    assert "| split1 | 1 | 1 |" in page
    assert "- training-free, proposals of an unchanged SAM: No Time to Train" in page
    assert "segm (pseudo)" in page


def all_names() -> tuple[str, ...]:
    """VOC's twenty in its order, by which categories are numbered."""
    return (
        *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable", "dog"),
        *("horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor"),
    )


def objects(kit: Path, stem: str) -> Iterator[tuple[str, Box, bool]]:
    for one in ElementTree.parse(kit / "Annotations" / f"{stem}.xml").getroot().iter("object"):
        corners = [float(one.findtext(f"bndbox/{key}") or "") for key in ("xmin", "ymin", "xmax", "ymax")]
        yield (
            one.findtext("name") or "",
            (corners[0], corners[1], corners[2], corners[3]),
            one.findtext("difficult") == "1",
        )


def test_boxes_counted_from_0_and_from_1_are_the_same_objects(tmp_path: Path) -> None:
    found = []
    for first in (0, 1):
        folder = tmp_path / str(first)
        for picture in pictures(NAMES, 2, 1):
            picture.save(folder)
            text = voc_xml(f"{picture.stem}.jpg", [(one, False) for one in picture.objects], first)
            (folder / f"{picture.stem}.xml").write_text(text)
        found.append(voc.Reader(first_pixel=first).read(folder, "references").annotations)
    boxes = [tuple(map(float, one.box)) for picture in pictures(NAMES, 2, 1) for one in picture.objects]
    assert [one.bbox for one in found[0]] == [one.bbox for one in found[1]] == boxes


def test_tfas_fixed_references(sweep: tuple[Path, Path]) -> None:
    """Lists of pictures by class, of which the devkit says where the objects are; the sweep's targets, so its store."""
    cwd, kit = sweep[0], sweep[0] / "data" / "VOCdevkit" / "VOC2007"
    group = cwd / "data" / "vocsplit" / "seed3"
    group.mkdir(parents=True)
    stems = (kit / "ImageSets" / "Main" / "trainval.txt").read_text().split()
    for name in VOC_SPLITS["split2"]:
        having = [stem for stem in stems if any(other == name for other, _, _ in objects(kit, stem))][:1]
        lines = "".join(f"datasets/VOC2007/JPEGImages/{stem}.jpg\n" for stem in having)
        (group / f"box_1shot_{name}_train.txt").write_text(lines)

    done = run_small(("+experiment=voc_tfa_split2", "dataset.root=data", "seed=3"), cwd)

    stages = json.loads((done / "timings.json").read_text())
    assert (stages["references"]["references"], stages["references"]["classes"]) == (5, 5)
    assert stages["proposals"]["computed"] == 0
    assert set(json.loads((done / "metrics.json").read_text())["per_class"]) == set(VOC_SPLITS["split2"])
