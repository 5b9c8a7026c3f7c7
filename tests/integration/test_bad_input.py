"""Bad input on the real command line: told before any checkpoint is asked for, or left out, counted and said again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cases.scene import spoil
from command_line import log_of, ntt

pytestmark = pytest.mark.integration

NO_CHECKPOINT = ["backbone=dinov2_vitl14", "segmenter=sam2_hiera_large", "weights_dir=nowhere"]


def options(folder: Path, *more: str) -> list[str]:
    paths = [f"dataset.references={folder}/refs.json", f"dataset.targets={folder}/targets.json"]
    return ["+experiment=custom", *paths, "device=cpu", "hydra.run.dir=out", *more]


def sentence(folder: Path, *more: str) -> str:
    """The one sentence that a refused run ends with."""
    done = ntt(*options(folder, *NO_CHECKPOINT, *more), cwd=folder)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert not (folder / "out" / "metrics.json").exists()
    (told,) = [line for line in done.stderr.splitlines() if line.startswith("ntt:")]
    return told


def runs_too_long(content: dict[str, Any]) -> None:
    content["annotations"][2]["segmentation"] = {"size": [120, 160], "counts": [9, 20000]}


def cups_of_two_points(content: dict[str, Any]) -> None:
    for annotation in content["annotations"][::2]:
        annotation["segmentation"] = [[1, 2, 30, 40]]


def test_bad_truth_is_told_before_a_missing_checkpoint(tmp_path: Path) -> None:
    spoil(tmp_path, targets=runs_too_long)
    told = sentence(tmp_path)
    assert "targets.json: 1 of 4 ground truth annotations cannot be used: annotation 22: its RLE counts" in told
    assert "checkpoint" in sentence(tmp_path, "dataset.invalid=skip")


def test_a_class_without_usable_references_is_told_before_a_missing_checkpoint(tmp_path: Path) -> None:
    spoil(tmp_path, references=cups_of_two_points)
    told = sentence(tmp_path)
    assert (
        "refs.json: class 'cup' has no fixed reference (2 of its 2 annotations cannot be used: annotation 10: " in told
    )


def test_missing_pictures_are_told_before_a_missing_checkpoint(tmp_path: Path) -> None:
    spoil(tmp_path)
    for number in (1, 2):
        (tmp_path / f"scene{number}.png").unlink()
    assert "none of its 2 pictures was found" in sentence(tmp_path)


def test_what_was_left_out_is_counted_and_said_again_by_a_run_that_finds_everything(
    tmp_path: Path, small_networks: list[str]
) -> None:
    def references(content: dict[str, Any]) -> None:
        content["categories"][0]["name"] = "cup [/can]"
        content["annotations"][0]["segmentation"] = [[1, 2, 3]]

    def targets(content: dict[str, Any]) -> None:
        content["categories"][0]["name"] = " cup [/can]"
        content["annotations"][0]["iscrowd"] = "1"
        runs_too_long(content)

    spoil(tmp_path, references, targets)
    (tmp_path / "scene2.png").write_bytes(b"no picture")
    expected = {
        "references": {"left_out": 1},
        "truth": {"left_out": 1, "crowds": 1},
        "targets": {"unreadable": 1},
    }
    for found in (False, True):
        run = options(tmp_path, "dataset.invalid=skip", "report.pictures=1", *small_networks)
        done = ntt(*run, cwd=tmp_path)
        told = log_of(done)
        assert ("memory: found" in told) is found
        end = told[told.index("report: ") :]
        for words in ("refs.json: 1 of 4 reference annotations cannot be used", "annotation 10: a polygon of it has 3"):
            assert words in end
        assert "1 of the 2 target images could not be read: scene2.png: it is no image" in end
        assert "cup [/can]" in done.stdout
        assert json.loads((tmp_path / "out" / "metrics.json").read_text())["input"] == expected
        page = (tmp_path / "out" / "report.md").read_text()
        assert "## Left out or derived" in page
        assert "cup \\[/can\\]" in page
        assert "annotation 22: its RLE counts" in page
