"""How the integration tests run the program, and the dataset they draw for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

COLOURS = {"disc": (220, 60, 40), "plate": (40, 90, 220)}


def draw_coco(root: Path, subset: str, images: int, seed: int) -> None:
    """A few noisy pictures of discs and plates, in COCO's layout."""
    rng = np.random.default_rng(seed)
    folder = root / f"{subset}2017"
    folder.mkdir(parents=True)
    height, width = 120, 160
    y, x = np.mgrid[:height, :width]
    described: dict[str, list] = {"images": [], "annotations": []}
    for image_id in range(1, images + 1):
        pixels = rng.integers(90, 150, (height, width, 3)).astype(np.uint8)
        name = f"{image_id:06d}.png"
        described["images"].append({"id": image_id, "file_name": name, "height": height, "width": width})
        for category_id, (kind, colour) in enumerate(COLOURS.items(), start=1):
            size, left, top = (
                int(rng.integers(34, 50)),
                12 + 70 * (category_id - 1),
                int(rng.integers(12, 50)),
            )
            inside = (abs(x - left - size / 2) < size / 2) & (abs(y - top - size / 2) < size / 2)
            if kind == "disc":
                inside &= (x - left - size / 2) ** 2 + (y - top - size / 2) ** 2 < (size / 2) ** 2
            pixels[inside] = colour
            columns = inside.T.reshape(-1).astype(np.int8)
            edges = np.flatnonzero(np.diff(np.concatenate([[0], columns, [0]])))
            runs = np.diff(np.concatenate([[0], edges, [columns.size]])).tolist()
            described["annotations"].append(
                {
                    "id": 10 * image_id + category_id,
                    "image_id": image_id,
                    "category_id": category_id,
                    "bbox": [left, top, size, size],
                    "area": int(inside.sum()),
                    "iscrowd": 0,
                    "segmentation": {"size": [height, width], "counts": runs},
                }
            )
        Image.fromarray(pixels).save(folder / name)
    described["categories"] = [{"id": i, "name": name} for i, name in enumerate(COLOURS, start=1)]
    annotations = root / "annotations"
    annotations.mkdir(exist_ok=True)
    (annotations / f"instances_{subset}2017.json").write_text(json.dumps(described))


def ntt(*options: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ntt.run", *options],
        cwd=cwd,
        env={**os.environ, "COLUMNS": "200", **environment},
        capture_output=True,
        text=True,
        timeout=900,  # the demo takes 40 s, and five minutes where others compute beside it
        check=False,
    )


def run_options(coco: Path, networks: list[str], *more: str) -> list[str]:
    options = ["+experiment=coco_1shot", f"dataset.root={coco}", "split=all", "store.shard_size=1", *networks]
    return [*options, "device=cpu", "hydra.run.dir=out", *more]


def log_of(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stderr
    return done.stderr
