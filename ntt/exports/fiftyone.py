"""FiftyOne's COCODetectionDataset: data/ with the images, labels.json with exact masks and scores."""

from __future__ import annotations

import json
from typing import Any

from ntt.exports import protocol
from ntt.exports.dataset import coco_dataset
from ntt.exports.protocol import Scene


class Exporter(protocol.Exporter):
    """`fiftyone.Dataset.from_dir(DIR, dataset_type=fiftyone.types.COCODetectionDataset)` opens it."""

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._images: list[dict[str, Any]] = []
        self._rows: list[dict[str, Any]] = []

    def add(self, scene: Scene) -> None:
        """See the protocol."""
        name = self.name_for(scene)
        self.place_image(scene, self.folder / "data" / name)
        known = {"id": scene.image_id, "file_name": name.as_posix(), "height": scene.height, "width": scene.width}
        self._images.append(known)
        for one in scene.objects:
            place = {"image_id": scene.image_id, "category_id": one.label + 1, "bbox": list(map(float, one.box))}
            self._rows.append({**place, "segmentation": one.rle, "score": one.score})
            self.losses.ious.append(1.0)

    def finish(self) -> None:
        """labels.json."""
        page = coco_dataset(self._images, dict(enumerate(self.classes, start=1)), self._rows)
        (self.folder / "labels.json").write_text(json.dumps(page) + "\n", encoding="utf-8")
