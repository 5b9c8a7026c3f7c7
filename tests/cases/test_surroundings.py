"""The catalogue of bad paths and environments: awkward names work, and what cannot is one sentence."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cases.run_here import custom, prepared, refused, run_here
from cases.scene import opened, spoil

NAMES = ["é", "a=b", "a(1)", "[x]", "it's", "a#b", "50%", "two words", "x" * 255, "$HOME", "a;b&c", "-r", "日本"]
NO_CHECKPOINT = "The checkpoint nowhere/"  # what a run says last whose data were found sound


@pytest.mark.parametrize("name", NAMES)
def test_folders_of_every_name(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    spoil(folder)
    assert opened(folder).truth == [20, 21, 22, 23]
    quoted = str(folder).replace('"', '\\"')
    options = [f'dataset.references="{quoted}/refs.json"', f'dataset.targets="{quoted}/targets.json"']
    said = refused(tmp_path, "+experiment=custom", *options, "weights_dir=nowhere", "hydra.run.dir=out")
    assert NO_CHECKPOINT in said


PLACES: dict[str, tuple[Callable[[Path], Any], str, str]] = {
    "nowhere": (lambda _: None, "dataset.references=it", "ntt: it does not exist"),
    "a dangling link": (lambda path: path.symlink_to("nowhere"), "dataset.references=it", "ntt: it does not exist"),
    "a link to itself": (lambda path: path.symlink_to(path), "dataset.references=it", "ntt: it does not exist"),
    "an empty folder": (lambda path: path.mkdir(), "dataset.references=it", "holds no labels of a known format"),
    "targets nowhere": (lambda _: None, "dataset.targets=it", "ntt: it does not exist"),
    "a file for a folder": (lambda path: path.write_text(""), "dataset.target_images=it", "is not a folder"),
    "a run in a file": (lambda path: path.write_text(""), "hydra.run.dir=it/out", "a file is where a folder is needed"),
    "a store in a file": (lambda path: path.write_text(""), "store.root=it/store", "it/store"),
    "a store in a circle": (lambda path: path.symlink_to(path), "store.root=it", "it"),
    "a name too long": (lambda _: None, f"hydra.run.dir={'x' * 300}", "name a shorter one"),
}


@pytest.mark.parametrize("name", PLACES)
def test_places(tmp_path: Path, name: str) -> None:
    make, option, told = PLACES[name]
    make(prepared(tmp_path) / "it")
    sentence = refused(tmp_path, *custom("weights_dir=nowhere"), option)
    assert told in sentence
    assert not sentence.startswith(f"ntt: {NO_CHECKPOINT}")


ENVIRONMENTS: dict[str, tuple[dict[str, str], str]] = {
    "a mirror that is no address": ({"NTT_MIRROR": "nonsense"}, NO_CHECKPOINT),
    "offline with words": ({"NTT_OFFLINE": "perhaps"}, NO_CHECKPOINT),
    "trust of nothing": ({"NTT_TRUSTED": ",,"}, NO_CHECKPOINT),
    "a home that is not there": ({"HOME": "/nowhere"}, NO_CHECKPOINT),
    "no home": ({"HOME": ""}, NO_CHECKPOINT),
    "no temporary folder": ({"TMPDIR": "/nowhere"}, NO_CHECKPOINT),
    "an unknown language": ({"LANG": "xx_YY", "LC_ALL": "xx_YY"}, NO_CHECKPOINT),
    "GPUs that are none": ({"CUDA_VISIBLE_DEVICES": "99,x"}, NO_CHECKPOINT),
    "threads that are no number": ({"OMP_NUM_THREADS": "many"}, NO_CHECKPOINT),
    "ranks that are no numbers": ({"RANK": "x", "WORLD_SIZE": "y"}, ""),
}


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_environments(tmp_path: Path, name: str) -> None:
    variables, told = ENVIRONMENTS[name]
    sentence = refused(prepared(tmp_path), *custom("weights_dir=nowhere"), **variables)
    assert told in sentence


def test_a_gpu_that_is_not_there(tmp_path: Path, small_networks: list[str]) -> None:
    sentence = refused(prepared(tmp_path), *custom(*small_networks), "device=cuda:99")
    assert "cuda:99" in sentence


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere; make faults mounts what it cannot")
def test_a_folder_without_permission(tmp_path: Path) -> None:
    prepared(tmp_path)
    (tmp_path / "closed").mkdir(mode=0o500)
    assert "ask for the permission" in refused(tmp_path, *custom("weights_dir=nowhere"), "hydra.run.dir=closed/out")


def test_a_run_in_another_language_ends_as_any(tmp_path: Path, small_networks: list[str]) -> None:
    said = run_here(prepared(tmp_path), *custom(*small_networks), LC_ALL="C", HOME="/nowhere", TMPDIR="/nowhere")
    assert said.code == 0, said.text
    assert (tmp_path / "out" / "metrics.json").exists()
