"""A fault that passes becomes nobody's content: the next run has the figures of a run that nothing befell."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import log_of, ntt, run_options
from passing_fault import losing

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("when", ["always", "late"])
def test_images_that_cannot_be_read_are_counted_and_never_stored(first_run, coco, small_networks, tmp_path, when):
    cwd, _ = first_run
    options = run_options(coco, small_networks, f"store.root={tmp_path}/store")
    disturbed = ntt(*options, cwd=tmp_path, **losing("val2017/000002.png", when, tmp_path / "hook"))
    log = log_of(disturbed)
    assert "unreadable 1" in log
    assert "Stale file handle" in log
    listed = json.loads((tmp_path / "out" / "unreadable.json").read_text())
    assert [(entry["image_id"], entry["reason"]) for entry in listed] == [
        (2, "the file cannot be read (Stale file handle)")
    ]
    if when == "late":  # the references' only image is another matter
        other = [*options, "stages=[references,memory]", f"store.root={tmp_path}/store/other"]
        nothing = ntt(*other, cwd=tmp_path, **losing("train2017/000001.png", when, tmp_path / "hook"))
        assert "Stale file handle" in nothing.stderr
    stored = [file for file in Path(tmp_path / "store").rglob("*.json") if "Stale" in file.read_text()]
    assert stored == []
    log_of(ntt(*options, cwd=tmp_path))
    for name in ("metrics.json", "predictions.json"):
        assert (tmp_path / "out" / name).read_bytes() == (cwd / "out" / name).read_bytes()
