"""CVAT for images 1.1: one annotations.xml with a mask an object, exact, and the images beside it."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np

from ntt.exports import protocol
from ntt.exports.protocol import FoundObject, Scene


class Exporter(protocol.Exporter):
    """Masks are run lengths along the rows of their box, background first."""

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._page = ElementTree.Element("annotations")
        ElementTree.SubElement(self._page, "version").text = "1.1"
        labels = ElementTree.SubElement(ElementTree.SubElement(self._page, "meta"), "labels")
        for name in self.classes:
            ElementTree.SubElement(ElementTree.SubElement(labels, "label"), "name").text = name

    def add(self, scene: Scene) -> None:
        """See the protocol."""
        name = self.name_for(scene)
        self.place_image(scene, self.folder / "images" / name)
        size = {"width": str(scene.width), "height": str(scene.height)}
        known = {"id": str(len(self._page.findall("image"))), "name": name.as_posix()}
        image = ElementTree.SubElement(self._page, "image", {**known, **size})
        for one in reversed(scene.objects):  # later ones lie on top
            ElementTree.SubElement(image, "mask", _mask(one))
            self.losses.ious.append(1.0)

    def finish(self) -> None:
        """annotations.xml."""
        ElementTree.indent(self._page)
        (self.folder / "annotations.xml").write_bytes(ElementTree.tostring(self._page, encoding="utf-8") + b"\n")


def _mask(one: FoundObject) -> dict[str, str]:
    x, y, width, height = one.box
    inside = one.mask[y : y + height, x : x + width].reshape(-1).astype(np.int8)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], inside]))).tolist()
    runs = np.diff([0, *edges, inside.size]).tolist()
    place = {"left": x, "top": y, "width": width, "height": height}
    return {
        "label": one.name,
        "source": "auto",
        "occluded": "0",
        "rle": ", ".join(map(str, runs)),
        **{key: str(value) for key, value in place.items()},
        "z_order": "0",
    }
