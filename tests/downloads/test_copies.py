"""Copies of LVIS and COCO-20i that somebody has, in whatever layout, linked and looked through."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from ntt.downloads.datasets import link_dataset, list_datasets, verify_dataset
from ntt.errors import InputError


@pytest.mark.parametrize("place", ["annotations", ".", "lvis", "lvis/annotations"])
def test_lvis_is_linked_from_whatever_layout_a_copy_has(tmp_path: Path, place: str) -> None:
    lvis, copy, root = list_datasets()["lvis"], tmp_path / "copy", tmp_path / "coco"
    (copy / place).mkdir(parents=True)
    names_of = [f"lvis_v1_{part}.json" for part in ("train", "val")]
    for name in names_of:
        images = [{"coco_url": "http://images.cocodataset.org/val2017/7.jpg"}]
        (copy / place / name).write_text(json.dumps({"images": images, "annotations": []}))
    assert link_dataset(lvis, root, copy) == [f"annotations/{name}" for name in names_of]
    with pytest.raises(InputError, match=r"lacks 1 file: 7\.jpg"):
        verify_dataset(lvis, root)
    (root / "val2017").mkdir()
    (root / "val2017" / "7.jpg").touch()
    assert len(verify_dataset(lvis, root)) == 2


def test_the_official_masks_of_coco20i_are_linked_where_there_are_some(tmp_path: Path) -> None:
    whole = list_datasets()["coco20i"]
    small = dataclasses.replace(whole, archives=[])  # without 40504 images
    copy = tmp_path / "COCO2014"
    (copy / "annotations").mkdir(parents=True)
    (copy / "annotations" / "instances_val2014.json").write_text('{"images": [], "annotations": []}')
    (copy / "val2014").mkdir()
    links = ["annotations/instances_val2014.json", "val2014"]
    assert link_dataset(small, tmp_path / "without", copy) == links
    (copy / "annotations" / "val2014").mkdir()
    assert link_dataset(small, tmp_path / "with", copy) == [*links, "annotations/val2014"]
    assert (tmp_path / "with" / "annotations" / "val2014").is_symlink()
