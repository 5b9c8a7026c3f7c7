"""Masks belong to images and segmenter: every encoder uses those that are there."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
import torch
from command_line import log_of, ntt, run_options
from stand_ins import dinov2_in_metas_names

pytestmark = pytest.mark.integration

OTHER = """
_target_: ntt.backbones.dinov2.Dinov2
name: other
weights: {weights}
hub_id: null
url: null
image_size: 112
patch_size: 14
width: 32
depth: 2
heads: 2
ffn: mlp
registers: 0
"""


@pytest.fixture(scope="module")
def other_encoder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The option for a folder of configs with one more backbone, `other`: a random one."""
    folder = tmp_path_factory.mktemp("other")
    torch.manual_seed(1)
    torch.save(dinov2_in_metas_names(width=32, depth=2, grid=8), folder / "other.pth")
    (folder / "backbone").mkdir()
    (folder / "backbone" / "other.yaml").write_text(OTHER.format(weights=folder / "other.pth"))
    return f"--config-dir={folder}"


def manifests(store: Path, kind: str) -> list[dict]:
    """What is said of each artifact of a kind."""
    return [json.loads(file.read_bytes()) for file in sorted((store / kind).glob("*/manifest.json"))]


def test_a_sweep_of_two_encoders_over_the_demo_computes_masks_once(other_encoder, tmp_path):
    """At the default shard size: ten images are a shard of eight and one of two."""
    sweep = [other_encoder, "-m", "+experiment=demo", "dataset.limit=10", f"dataset.root={tmp_path}/world"]
    log = log_of(ntt(*sweep, "backbone=dinov2_demo,other", "hydra.sweep.dir=sweep", cwd=tmp_path))

    store = tmp_path / "outputs" / "store"
    masks, vectors = manifests(store, "masks"), manifests(store, "vectors")
    assert (len(masks), len(vectors)) == (2, 4)
    assert sorted(len(manifest["inputs"]["images"]) for manifest in masks) == [2, 8]
    assert not any("backbone" in manifest["inputs"] for manifest in masks)
    assert {manifest["inputs"]["masks"] for manifest in vectors} == {manifest["key"] for manifest in masks}
    assert len({json.dumps(manifest["inputs"]["backbone"]) for manifest in vectors}) == 2
    assert re.findall(r"proposals: (shards .*), seconds", log) == [
        "shards 2, found 0, computed 2",
        "shards 2, found 0, computed 2, of stored masks 2",
    ]
    assert log.count("loading sam2_demo") == 1
    metrics = [json.loads((tmp_path / "sweep" / point / "metrics.json").read_bytes()) for point in "01"]
    assert metrics[0]["segm"]["AP"] > 0.4
    assert metrics[0] != metrics[1]

    # The other encoder alone, in one pass with the segmenter: the same bytes as of the stored masks, and no word of it.
    alone = ["+experiment=demo", "dataset.limit=10", f"dataset.root={tmp_path}/world", "backbone=other"]
    done = ntt(other_encoder, *alone, "store.root=alone", "report.pictures=0", "hydra.run.dir=run", cwd=tmp_path)
    assert "of stored masks" not in log_of(done)
    made_alone = sorted((tmp_path / "alone").glob("vectors/*/vectors.safetensors"))
    assert len(made_alone) == 2
    for file in made_alone:
        assert file.read_bytes() == (store / file.relative_to(tmp_path / "alone")).read_bytes()
    assert (tmp_path / "run/predictions.json").read_bytes() == (tmp_path / "sweep/1/predictions.json").read_bytes()


def test_masks_that_resemble_the_references_are_not_shared_and_the_run_says_so(coco, small_networks, tmp_path):
    adaptive = ("proposals=adaptive", "proposals.resemblance=0.1")
    options = run_options(coco, small_networks, "stages=[references,memory,proposals]", *adaptive)
    logs = [log_of(ntt(*options, *more, cwd=tmp_path)) for more in ((), ("backbone.image_size=56",))]
    assert all("these masks are shared with no other backbone" in log for log in logs)
    assert all("found 0, computed 5" in log for log in logs)
    assert all({"backbone", "memory"} <= set(one["inputs"]) for one in manifests(tmp_path / "outputs/store", "masks"))


def test_equal_images_are_computed_once_and_counted(coco, small_networks, tmp_path):
    """Three shards of the same bytes used to be "computed 1, by others 2", and the progress ended at a third."""
    (tmp_path / "photos").mkdir()
    for number in range(6):
        shutil.copy(coco / "val2017" / f"{1 + number % 2:06d}.png", tmp_path / "photos" / f"{number}.png")
    options = [
        *("+experiment=custom", *small_networks, f"dataset.references={coco}/annotations/instances_train2017.json"),
        *(f"dataset.reference_images={coco}/train2017", "dataset.targets=photos", "store.shard_size=2"),
    ]
    log = log_of(ntt(*options, "hydra.run.dir=out", cwd=tmp_path))
    assert "proposals: shards 3, found 0, computed 1, repeated 2, seconds" in log
    again = log_of(ntt(*options, "hydra.run.dir=again", cwd=tmp_path))
    assert "proposals: shards 3, found 1, computed 0, repeated 2, seconds" in again
    rows = json.loads((tmp_path / "out" / "predictions.json").read_bytes())
    by_image = [[{**row, "image_id": 0} for row in rows if row["image_id"] == i] for i in range(1, 7)]
    assert by_image[0]
    assert by_image[0] == by_image[2] == by_image[4]
    assert by_image[1] == by_image[3] == by_image[5]


def test_vectors_of_masks_that_were_made_anew_are_made_anew(coco, small_networks, tmp_path):
    options = run_options(coco, small_networks)
    log_of(ntt(*options, cwd=tmp_path))  # a store of its own: others hold vectors of other runs as well
    one, other = sorted((tmp_path / "outputs" / "store" / "vectors").iterdir())[:2]
    shutil.rmtree(one)
    shutil.copytree(other, one)  # whole, and not of these masks
    log = log_of(ntt(*options, cwd=tmp_path))
    assert "belongs to masks that were made anew" in log
    assert "proposals: shards 5, found 4, computed 1, of stored masks 1" in log
