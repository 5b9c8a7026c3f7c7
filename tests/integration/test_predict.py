"""`ntt predict` and `+experiment=custom` are the same program, and what predict writes can be opened."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import draw_coco, log_of, ntt
from pycocotools.coco import COCO

from ntt import load

pytestmark = pytest.mark.integration


def test_predict_and_custom_find_the_same(small_networks: list[str], tmp_path: Path) -> None:
    draw_coco(tmp_path, "train", images=2, seed=1)
    draw_coco(tmp_path, "val", images=2, seed=2)
    (tmp_path / "val2017/notes.txt").touch()
    references = "annotations/instances_train2017.json"
    labels = (tmp_path / references).read_text().replace('"category_id": 1', '"category_id": 41')
    (tmp_path / references).write_text(labels.replace('{"id": 1, "name"', '{"id": 41, "name"'))
    shared = [*small_networks, "device=cpu"]

    predict = ["predict", "--references", references, "--images", "val2017", "--out", "one", "--export", "yolo,voc"]
    log = log_of(ntt(*predict, *shared, cwd=tmp_path))
    custom = [f"dataset.references={references}", "dataset.targets=val2017", "hydra.run.dir=two", "report.pictures=0"]
    log_of(ntt("+experiment=custom", *custom, *shared, cwd=tmp_path))

    for name in ("predictions.json", "detections.json", "skipped.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    dataset = COCO(str(tmp_path / "one/detections.json"))
    rows = json.loads((tmp_path / "one/predictions.json").read_text())
    assert [one["score"] for one in dataset.anns.values()] == [row["score"] for row in rows]
    assert {image["file_name"] for image in dataset.imgs.values()} == {"000001.png", "000002.png"}
    assert [one["kind"] for one in json.loads((tmp_path / "one/skipped.json").read_text())] == ["file"]
    assert "a threshold to begin with" in log
    assert len(list((tmp_path / "one/exports/yolo/labels").iterdir())) == 2
    model = load("large", device="cpu", options=[option for option in shared if option != "device=cpu"])
    model.fit(tmp_path / references).save(tmp_path / "kinds.ntt")
    predict_fitted = ["predict", "--references", "kinds.ntt", "--images", "val2017", "--out", "three"]
    log = log_of(ntt(*predict_fitted, "device=cpu", "shots=1", cwd=tmp_path))
    for name in ("predictions.json", "detections.json", "skipped.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "three" / name).read_bytes()
    assert "memory: made" in log  # of the model's vectors, not found
    assert "found 1, computed 0" in log
    assert "shots has no effect" in log
    assert (tmp_path / "three/references.png").exists()
    again = ntt(*predict, *shared, cwd=tmp_path)
    assert again.returncode == 2
    assert "is not empty (--out)" in again.stderr
