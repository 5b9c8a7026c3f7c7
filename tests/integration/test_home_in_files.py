"""Nothing that a run writes for others to read names the user's home: it says `~`; and all of it is found elsewhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import draw_coco, log_of, ntt
from stand_ins import write_networks

pytestmark = pytest.mark.integration

# The config as it was given, which runs again; and names of pictures that stand in data for other programs.
GIVEN = (".hydra",)
# W&B's own note of where a table waits for its upload; that is never sent.
STAGED = b"/out/wandb/data/artifacts/staging/"


def naming(home: Path, *folders: Path) -> list[str]:
    """The files that name the home."""
    found = []
    for file in (file for folder in folders for file in sorted(folder.rglob("*"))):
        if not file.is_file() or any(part in GIVEN for part in file.parts):
            continue
        content = file.read_bytes()
        if content.count(bytes(home)) > content.count(bytes(home) + STAGED):
            found.append(str(file.relative_to(home)))
    return found


def test_a_home_is_written_as_a_tilde_and_all_is_found_from_another_home(tmp_path: Path) -> None:
    home = tmp_path / "some body"
    draw_coco(home / "coco", "train", 3, seed=1)
    draw_coco(home / "coco", "val", 3, seed=2)
    (home / "coco/val2017/000002.png").write_bytes(b"no picture")
    described = home / "coco/annotations/instances_train2017.json"
    content = json.loads(described.read_text())
    content["annotations"][0]["segmentation"] = [[1, 2, 3]]
    described.write_text(json.dumps(content))
    (home / "weights").mkdir()

    def run(home: Path) -> tuple[str, str]:
        coco = home / "coco"
        networks = [option.replace(str(tmp_path / "some body"), str(home)) for option in given]
        paths = {
            "dataset.references": coco / "annotations/instances_train2017.json",
            "dataset.reference_images": coco / "train2017",
            "dataset.targets": coco / "annotations/instances_val2017.json",
            "dataset.target_images": coco / "val2017",
            "store.root": home / "store",
            "hydra.run.dir": home / "out",
        }
        options = [f'{key}="{value}"' for key, value in paths.items()]
        options += ["report.pictures=1", "export.formats=[labelme,yolo]", "tracking=wandb", "tracking.mode=offline"]
        done = ntt("+experiment=custom", *options, *networks, "device=cpu", cwd=tmp_path, HOME=str(home))
        return log_of(done), (home / "out" / "predictions.json").read_text()

    given = [
        f'{key}="{value}"' if "/" in value and "{" not in value else f"{key}={value}"
        for key, _, value in (option.partition("=") for option in write_networks(home / "weights"))
    ]
    log, predictions = run(home)
    assert str(home) not in log
    assert "results in ~/out" in log
    for name in ("report.md", "skipped.json"):
        assert "~/coco/" in (home / "out" / name).read_text()
    assert naming(home, home / "out", home / "store") == []

    moved = home.rename(tmp_path / "another")
    log, again = run(moved)
    assert again == predictions
    for stage in ("references", "memory", "match"):
        assert f"{stage}: found" in log
    assert naming(moved, moved / "out", moved / "store") == []
