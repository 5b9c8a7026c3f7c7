"""A small sound dataset that the rows of the catalogue spoil: four references, four objects in two target pictures."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from PIL import Image

from ntt.config import RunConfig, read_config
from ntt.data.sampling import Reference, fixed_references
from ntt.run import conf_folder
from ntt.stages.inputs import Inputs, check_files, open_inputs
from ntt.stages.soundness import sound_draw

WIDTH, HEIGHT = 160, 120
CLASSES = [{"id": 1, "name": "cup"}, {"id": 2, "name": "bell"}]
Change = Callable[[dict[str, Any]], None]


def box(left: float, top: float, side: float = 40) -> dict[str, Any]:
    """A square object: its box, its polygon, its area."""
    right, bottom = left + side, top + side
    polygon = [left, top, right, top, right, bottom, left, bottom]
    return {"bbox": [left, top, side, side], "segmentation": [polygon], "area": side * side, "iscrowd": 0}


def document(prefix: str, first_id: int) -> dict[str, Any]:
    """Two pictures with a cup and a bell each."""
    images = [{"id": n, "file_name": f"{prefix}{n}.png", "width": WIDTH, "height": HEIGHT} for n in (1, 2)]
    annotations = [
        {"id": first_id + index, "image_id": image, "category_id": category, **box(20 + 60 * (category - 1), 30)}
        for index, (image, category) in enumerate(((1, 1), (1, 2), (2, 1), (2, 2)))
    ]
    return {"images": images, "categories": [dict(one) for one in CLASSES], "annotations": annotations}


def spoil(folder: Path, references: Change | None = None, targets: Change | None = None) -> None:
    """Write both files and their pictures, each file after its change."""
    for name, prefix, first_id, change in (("refs", "ref", 10, references), ("targets", "scene", 20, targets)):
        content = document(prefix, first_id)
        if change:
            change(content)
        (folder / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
        for number in (1, 2):
            Image.new("RGB", (WIDTH, HEIGHT), (90, 120, 150)).save(folder / f"{prefix}{number}.png")


@cache
def _composed() -> RunConfig:
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        options = ["+experiment=custom", "dataset.references=refs.json", "dataset.targets=targets.json"]
        return read_config(compose("config", options))


@dataclass(frozen=True)
class Opened:
    """What a run finds in its input before any network: ids of what is used, and what is said."""

    inputs: Inputs
    references: list[int]
    truth: list[int]
    told: str


def opened(folder: Path, targets: str = "targets.json", **options: Any) -> Opened:
    """Open the spoilt input as a run does, and choose its references.

    Raises:
        InputError: what the run would end with, exit code 2.
    """
    paths = {"references": str(folder / "refs.json"), "targets": str(folder / targets)}
    config = _composed()
    config = replace(config, dataset=replace(config.dataset, **{**paths, **options}))
    check_files(config)
    inputs = open_inputs(config)

    def draw(dataset: Any) -> list[Reference]:
        return fixed_references(dataset, list(inputs.categories))

    chosen, _ = sound_draw(inputs.references, draw, config.dataset.prompted)
    truth = [annotation.id for annotation in inputs.targets.annotations]
    return Opened(inputs, sorted(one.annotation_id for one in chosen), truth, "\n".join(inputs.notes()))
