"""YOLO segmentation: data.yaml, images/ and labels/ with a line an object: its class and a polygon in fractions."""

from __future__ import annotations

import json

import numpy as np

from ntt.exports import protocol
from ntt.exports.protocol import Scene
from ntt.exports.tracing import box_ring, drawn_iou, joined, polygons

_DIGITS = 6


class Exporter(protocol.Exporter):
    """One polygon an object: parts of a mask are joined by lines there and back. There is no place for scores."""

    def add(self, scene: Scene) -> None:
        """See the protocol."""
        name = self.name_for(scene)
        lines = []
        for one in scene.objects:
            size = np.array([scene.width, scene.height])
            fractions = (joined(polygons(one.mask, self.tolerance)) / size).clip(0, 1).round(_DIGITS)
            if drawn_iou([fractions * size], one.rle) == 0:
                fractions = (box_ring(one.box) / size).round(_DIGITS)
            self.losses.ious.append(drawn_iou([fractions * size], one.rle))
            values = (f"{value:.{_DIGITS}f}" for value in fractions.reshape(-1).tolist())
            lines.append(" ".join([str(one.label), *values]))
        labels = (self.folder / "labels" / name).with_suffix(".txt")
        labels.parent.mkdir(parents=True, exist_ok=True)
        labels.write_text("".join(f"{line}\n" for line in lines))
        self.place_image(scene, self.folder / "images" / name)

    def finish(self) -> None:
        """data.yaml; without `path`, its splits count from where it lies."""
        names = "".join(f"  {number}: {json.dumps(name)}\n" for number, name in enumerate(self.classes))
        (self.folder / "data.yaml").write_text(f"train: images\nval: images\nnames:\n{names}", encoding="utf-8")
