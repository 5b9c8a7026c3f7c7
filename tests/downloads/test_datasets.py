from __future__ import annotations

import hashlib
import io
import json
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from miniatures import write_cdfsod, write_voc

from ntt.data.readers import voc_devkit
from ntt.downloads.datasets import Dataset, fetch_dataset, link_dataset, list_datasets, verify_dataset
from ntt.downloads.settings import DownloadSettings
from ntt.errors import InputError

ANNOTATIONS = json.dumps({"images": [{"file_name": f"{i}.jpg"} for i in range(3)], "annotations": []}).encode()
CONF = Path(__file__).resolve().parents[2] / "conf"


def zipped(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


def tarred(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


IMAGES = zipped({f"val/{i}.jpg": b"picture" for i in range(3)})
LABELS = tarred({"instances_val.json": ANNOTATIONS})


@pytest.fixture
def small(server: Any, tmp_path: Path) -> Dataset:
    """A dataset of two archives in COCO's manner, on the local server."""
    server.files |= {"/zips/val.zip": IMAGES, "/labels.tar": LABELS}
    archives = [
        {
            "url": f"{server.url}/labels.tar",
            "size": None,
            "sha256": None,
            "into": "annotations",
            "holds": [{"file": "annotations/instances_val.json"}],
        },
        {
            "url": f"{server.url}/zips/val.zip",
            "size": len(IMAGES),
            "sha256": hashlib.sha256(IMAGES).hexdigest(),
            "holds": [{"folder": "val", "files": 3}],
        },
    ]
    entry = {
        "title": "small",
        "licence": "none",
        "root": "data/small",
        "archives": archives,
        "annotations": [{"json": "annotations/instances_val.json", "images": ["val"]}],
        "links": ["annotations/instances_val.json", "val"],
    }
    (tmp_path / "datasets.yaml").write_text(yaml.safe_dump({"small": entry}))
    return list_datasets(tmp_path / "datasets.yaml")["small"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "data" / "small"


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


FILES = {"annotations/instances_val.json", "val/0.jpg", "val/1.jpg", "val/2.jpg"}


def test_archives_are_fetched_unpacked_and_removed(small, root, hasty):
    fetch_dataset(small, root, hasty, keep=False)
    assert names(root) == FILES
    assert verify_dataset(small, root) == [f"{root}/annotations/instances_val.json: 3 images, all there"]


def test_archives_are_kept_for_who_wants_them(small, root, hasty):
    fetch_dataset(small, root, hasty, keep=True)
    assert names(root) == FILES | {"val.zip", "labels.tar"}


def test_only_what_is_missing_is_fetched(small, root, hasty, server):
    fetch_dataset(small, root, hasty, keep=False)
    (root / "val" / "1.jpg").unlink()
    fetch_dataset(small, root, hasty, keep=False)
    assert [path for path, _, _ in server.requests] == ["/labels.tar", "/zips/val.zip", "/zips/val.zip"]
    assert names(root) == FILES


def test_an_archive_with_a_bad_name_leaves_nothing_outside(small, root, hasty, server):
    server.files["/labels.tar"] = tarred({"../../evil": b"evil", "instances_val.json": ANNOTATIONS})
    with pytest.raises(InputError, match=r"labels.tar is refused: '../../evil'"):
        fetch_dataset(small, root, hasty, keep=False)
    assert names(root.parents[1]) == {"datasets.yaml", "data/small/labels.tar"}


def test_an_archive_that_lies_there_damaged_is_refused(small, root, hasty):
    root.mkdir(parents=True)
    (root / "val.zip").write_bytes(IMAGES[:-1])
    with pytest.raises(InputError, match=r"val.zip is damaged or another file: its sha256 is"):
        fetch_dataset(small, root, hasty, keep=False)


def test_an_archive_without_what_it_should_hold_is_refused(small, root, hasty, server):
    server.files["/labels.tar"] = tarred({"something_else.json": b"{}"})
    with pytest.raises(InputError, match="is not the official one"):
        fetch_dataset(small, root, hasty, keep=False)


def test_offline_a_complete_dataset_is_complete(small, root, hasty):
    fetch_dataset(small, root, hasty, keep=False)
    fetch_dataset(small, root, DownloadSettings(offline=True), keep=False)
    (root / "val" / "0.jpg").unlink()
    with pytest.raises(InputError, match="NTT_OFFLINE forbids"):
        fetch_dataset(small, root, DownloadSettings(offline=True), keep=False)


@pytest.mark.parametrize("place", ["", "images"])
def test_an_existing_copy_is_linked_not_copied(small, root, hasty, tmp_path, place):
    copy = tmp_path / "elsewhere"
    fetch_dataset(small, copy, hasty, keep=False)
    if place:
        (copy / place).mkdir()
        (copy / "val").rename(copy / place / "val")
    assert link_dataset(small, root, copy) == ["annotations/instances_val.json", "val"]
    assert (root / "val").is_symlink()
    assert (root / "val" / "0.jpg").samefile(copy / place / "val" / "0.jpg")
    assert len(verify_dataset(small, root)) == 1
    assert link_dataset(small, root, copy) == []


def test_an_incomplete_copy_is_not_linked(small, root, hasty, tmp_path):
    copy = tmp_path / "elsewhere"
    fetch_dataset(small, copy, hasty, keep=False)
    (copy / "val" / "1.jpg").unlink()
    with pytest.raises(InputError, match=r"is no complete small: .* holds 2 of 3 files"):
        link_dataset(small, root, copy)
    assert names(root) == set()


def test_a_folder_that_is_no_copy_is_not_linked(small, root, tmp_path):
    with pytest.raises(InputError, match=r"holds no small: it lacks annotations/instances_val.json, val"):
        link_dataset(small, root, tmp_path)
    assert not root.exists()


def test_what_is_in_the_way_of_a_link_stays(small, root, hasty, tmp_path):
    copy = tmp_path / "elsewhere"
    fetch_dataset(small, copy, hasty, keep=False)
    (root / "val").mkdir(parents=True)
    with pytest.raises(InputError, match="val is in the way of a link"):
        link_dataset(small, root, copy)
    assert (root / "val").is_dir()


def test_what_is_missing_is_named(small, root, hasty):
    with pytest.raises(InputError, match=r"small is not complete: .*instances_val.json does not exist \(and 1 more\)"):
        verify_dataset(small, root)
    fetch_dataset(small, root, hasty, keep=False)
    (root / "val" / "1.jpg").rename(root / "val" / "other.jpg")
    with pytest.raises(InputError, match=r"val lacks 1 file: 1.jpg, which"):
        verify_dataset(small, root)


def test_a_dataset_without_addresses_says_what_to_do(root, hasty, tmp_path):
    by_hand = list_datasets()["cdfsod"]
    for act in (
        lambda: fetch_dataset(by_hand, root, hasty, keep=False),
        lambda: link_dataset(by_hand, root, tmp_path),
        lambda: verify_dataset(by_hand, root),
    ):
        with pytest.raises(InputError, match="no stable official address: follow the links"):
            act()


def test_cdfsod_is_linked_from_a_copy_and_verified(root, hasty, tmp_path):
    cdfsod = list_datasets()["cdfsod"]
    for name in cdfsod.links:
        nested = ("new_train", "new_test") if name == "DIOR" else ("", "")
        write_cdfsod(tmp_path / "copy" / name, ("square",), *nested)
        shots = tmp_path / "copy" / name / "annotations" / "5_shot.json"
        shots.with_name("10_shot.json").write_bytes(shots.read_bytes())
    assert link_dataset(cdfsod, root, tmp_path / "copy") == cdfsod.links
    assert len(verify_dataset(cdfsod, root)) == 24
    fetch_dataset(cdfsod, root, hasty, keep=False)  # has nothing to do
    next((tmp_path / "copy" / "DIOR" / "test" / "new_test").iterdir()).unlink()
    with pytest.raises(InputError, match=r"DIOR/test/new_test lacks 1 file"):
        verify_dataset(cdfsod, root)


def test_vocs_years_are_linked_from_beside_each_other(root, tmp_path, monkeypatch):
    """As detectron2 and TFA have them: without VOCdevkit."""
    write_voc(tmp_path, ("bird", "cow"), train=2, test=2)
    (tmp_path / "VOCdevkit").rename(tmp_path / "datasets")
    voc = list_datasets()["voc"]
    counts = {"VOC2007/ImageSets/Main/trainval.txt": 1, "VOC2007/ImageSets/Main/test.txt": 2}
    for archive in voc.archives:
        for one in archive.holds:
            monkeypatch.setitem(vars(one), "count", counts.get(one.names.removeprefix("VOCdevkit/"), 1))
    assert link_dataset(voc, root, tmp_path / "datasets") == ["VOCdevkit/VOC2007", "VOCdevkit/VOC2012"]
    verify_dataset(voc, root)
    assert voc_devkit.Reader().recognises(root / "VOCdevkit")


def test_tfas_references_are_linked(root, tmp_path):
    group = tmp_path / "datasets" / "vocsplit" / "seed1"
    group.mkdir(parents=True)
    for number in range(55):
        (group / f"box_{number}shot_cow_train.txt").touch()
    tfa = list_datasets()["tfa_voc"]
    with pytest.raises(InputError, match=r"vocsplit/seed1 holds 0 of 55 files.*wget -r"):
        verify_dataset(tfa, root)
    assert link_dataset(tfa, root, tmp_path / "datasets") == ["vocsplit"]
    assert verify_dataset(tfa, root) == []


def test_the_known_datasets_are_described_completely():
    known = list_datasets()
    own = {"coco", "coco20i", "lvis", "lvis_minival", "voc", "cdfsod"}
    assert set(known) == own | {"tfa_coco", "tfa_voc"}
    for dataset in known.values():
        assert dataset.archives or dataset.instructions
        for archive in dataset.archives:
            assert archive.holds
            assert archive.sha256 is None or len(archive.sha256) == 64
    assert known["coco"].size == 252_907_541 + 815_585_330 + 19_336_861_798


def test_a_json_is_fetched_as_it_is(server, root, hasty, tmp_path):
    server.files["/val.json"] = ANNOTATIONS
    archive = {"url": f"{server.url}/val.json", "size": None, "sha256": None, "into": "annotations"}
    archive["holds"] = [{"file": "annotations/val.json"}]
    entry = {"title": "one", "licence": "none", "root": "data/one", "archives": [archive]}
    (tmp_path / "datasets.yaml").write_text(yaml.safe_dump({"one": entry}))
    fetch_dataset(list_datasets(tmp_path / "datasets.yaml")["one"], root, hasty, keep=False)
    assert names(root) == {"annotations/val.json"}
    assert (root / "annotations" / "val.json").read_bytes() == ANNOTATIONS


@pytest.mark.parametrize("name", ["lvis", "coco20i"])
def test_others_come_to_lie_where_their_config_looks(name):
    config = yaml.safe_load((CONF / "dataset" / f"{name}.yaml").read_text())
    dataset = list_datasets()[name]
    assert str(dataset.root) == config["root"]
    looked_for = {config[key] for key in ("references", "targets")} - {"${.references}"}
    assert looked_for <= {"${.root}/" + link for link in dataset.links}


def test_coco_comes_to_lie_where_its_config_looks():
    config = yaml.safe_load((CONF / "dataset" / "coco.yaml").read_text())
    coco = list_datasets()["coco"]
    assert str(coco.root) == config["root"]
    links = {"${.root}/" + link for link in coco.links}
    assert {config[key] for key in ("references", "reference_images", "targets", "target_images")} == links
