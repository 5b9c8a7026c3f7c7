"""labelme: a json beside each image, a polygon for each part of an object."""

from __future__ import annotations

import json
from typing import Any

from ntt.exports import protocol
from ntt.exports.protocol import Scene
from ntt.exports.tracing import box_ring, drawn_iou, polygons


class Exporter(protocol.Exporter):
    """Parts of one object share a `group_id`; the score is in each shape's `description`."""

    def add(self, scene: Scene) -> None:
        """See the protocol."""
        name = self.name_for(scene)
        shapes = []
        for number, one in enumerate(scene.objects, start=1):
            rings = polygons(one.mask, self.tolerance)
            if drawn_iou(rings, one.rle) == 0:
                rings = [box_ring(one.box)]
            self.losses.ious.append(drawn_iou(rings, one.rle))
            shapes += [
                {
                    "label": one.name,
                    "points": ring.tolist(),
                    "group_id": number if len(rings) > 1 else None,
                    "description": f"score {one.score:.4f}",
                    "shape_type": "polygon",
                    "flags": {},
                }
                for ring in rings
            ]
        page: dict[str, Any] = {
            "version": "5.5.0",
            "flags": {},
            "shapes": shapes,
            "imagePath": name.name,
            "imageData": None,
            "imageHeight": scene.height,
            "imageWidth": scene.width,
        }
        self.place_image(scene, self.folder / name)
        file = (self.folder / name).with_suffix(".json")
        file.write_text(json.dumps(page, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
