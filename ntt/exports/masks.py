"""Masks as PNG: a binary file for each object in its class's folder, and a map of object numbers for each image."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from PIL import Image

from ntt.exports import protocol
from ntt.exports.protocol import Scene, id_map

_NOT_IN_NAMES = '/\\:*?"<>|'


class Exporter(protocol.Exporter):
    """`images/`, `masks/CLASS/IMAGE_NUMBER.png` (exact), `ids/IMAGE__ids.png` (16 bits), `objects.csv`."""

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._rows: list[tuple[object, ...]] = []

    def add(self, scene: Scene) -> None:
        """See the protocol."""
        name = Path("__".join(self.name_for(scene).parts))
        self.place_image(scene, self.folder / "images" / name)
        ids = self.folder / "ids" / f"{name.stem}__ids.png"
        ids.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(id_map(scene.objects, scene.height, scene.width).astype(np.uint16)).save(ids)
        for number, one in enumerate(scene.objects, start=1):
            kind = "".join("_" if letter in _NOT_IN_NAMES else letter for letter in one.name)
            file = self.folder / "masks" / kind / f"{name.stem}_{number}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(one.mask * 255).save(file)
            self._rows.append((name.name, number, one.name, f"{one.score:.6f}", file.relative_to(self.folder)))
            self.losses.ious.append(1.0)

    def finish(self) -> None:
        """objects.csv: which number is which object."""
        with (self.folder / "objects.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("image", "number", "class", "score", "mask"), *self._rows])
