"""Which target images a run takes, and what it says of annotations that belong to no class of the file."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hypothesis import given
from hypothesis import strategies as st

from ntt.config import RunConfig, read_config
from ntt.data.coco import CocoDataset, ImageRecord
from ntt.data.settings import DatasetConfig
from ntt.errors import InputError
from ntt.run import conf_folder
from ntt.stages.inputs import choose_targets, open_inputs


def custom(folder: Path, *options: str) -> RunConfig:
    paths = [f"dataset.references={folder}/references.json", f"dataset.targets={folder}/targets.json"]
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        return read_config(compose("config", ["+experiment=custom", *paths, *options]))


def write(folder: Path, name: str, image_ids: list[int], category_ids: list[int]) -> None:
    """One object of each category in the first image."""
    document: dict[str, Any] = {
        "images": [{"id": i, "file_name": f"{i}.jpg", "height": 100, "width": 100} for i in image_ids],
        "annotations": [
            {"id": c, "image_id": image_ids[0], "category_id": c, "bbox": [20, 20, 40, 40]} for c in category_ids
        ],
        "categories": [{"id": 1, "name": "boat"}, {"id": 2, "name": "bird"}],
    }
    (folder / f"{name}.json").write_text(json.dumps(document))
    for image in image_ids:
        (folder / f"{image}.jpg").touch()


def records(ids: list[int]) -> CocoDataset:
    return CocoDataset(Path("t.json"), "", {i: ImageRecord(i, f"{i}.jpg", 9, 9) for i in ids}, [], {})


def chosen(ids: list[int], **options: int) -> list[int]:
    dataset = DatasetConfig("d", ".", "r.json", None, "t.json", None, **options)  # type: ignore[arg-type]
    return [record.id for record in choose_targets(records(ids), dataset)]


def test_a_limit_takes_the_first_by_id_and_not_by_place_in_the_file(tmp_path: Path) -> None:
    write(tmp_path, "references", [1], [1, 2])
    write(tmp_path, "targets", [7, 3, 9, 5], [1])
    assert [r.id for r in open_inputs(custom(tmp_path)).target_records] == [3, 5, 7, 9]
    assert [r.id for r in open_inputs(custom(tmp_path, "dataset.limit=2")).target_records] == [3, 5]


@given(ids=st.lists(st.integers(0, 1000), min_size=1, max_size=40, unique=True), number=st.integers(1, 50))
def test_a_sample_is_by_its_own_seed_alone_and_part_of_a_larger_one(ids: list[int], number: int) -> None:
    sample = chosen(ids, sample=number, sample_seed=4)
    assert sample == sorted(set(sample)) == chosen(sorted(ids), sample=number, sample_seed=4)
    assert len(sample) == min(number, len(ids))
    assert set(sample) <= set(chosen(ids, sample=number + 1, sample_seed=4)) <= set(ids)


def test_another_sample_seed_is_another_sample_and_another_seed_is_not(tmp_path: Path) -> None:
    ids = list(range(100))
    samples = {seed: chosen(ids, sample=10, sample_seed=seed) for seed in (0, 1)}
    assert samples[0] != samples[1]
    assert chosen(ids, sample=10) == samples[0]
    write(tmp_path, "references", [1], [1, 2])
    write(tmp_path, "targets", ids, [1])
    for seed in (33, 42):
        run = custom(tmp_path, "dataset.sample=10", f"seed={seed}")
        assert [r.id for r in open_inputs(run).target_records] == samples[0]


def test_limit_and_sample_exclude_each_other(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"dataset\.limit=3 and dataset\.sample=4 exclude each other"):
        custom(tmp_path, "dataset.limit=3", "dataset.sample=4")
    with pytest.raises(InputError, match=r"dataset\.sample=0 is not possible"):
        custom(tmp_path, "dataset.sample=0")


def test_annotations_of_unlisted_categories_are_counted_in_targets_and_refused_in_references(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path, "references", [1], [1, 2])
    write(tmp_path, "targets", [1], [1, 2, 17, 18])
    with caplog.at_level(logging.WARNING):
        inputs = open_inputs(custom(tmp_path))
    assert [a.category_id for a in inputs.targets.annotations] == [1, 2]
    assert "2 annotations left out, of 2 categories that it does not list (17, 18)" in caplog.text

    write(tmp_path, "references", [1], [1, 2, 17])
    with pytest.raises(InputError, match="annotation 17 has category_id 17"):
        open_inputs(custom(tmp_path))
