"""Pascal VOC: an XML of boxes an image, and PNGs of its objects and classes."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ntt.exports import protocol
from ntt.exports.protocol import FoundObject, Scene, id_map, visible_ious

_VOID = 255


class Exporter(protocol.Exporter):
    """Where objects overlap a pixel belongs to the better one, and loss.json says what is lost by that.

    Boxes count from 1 and hold their last pixel, as VOC's do.
    """

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._stems: list[str] = []

    def add(self, scene: Scene) -> None:
        """See the protocol."""
        name = Path("__".join(self.name_for(scene).parts))  # VOC has no folders of images
        self._stems.append(name.stem)
        objects = scene.objects[: _VOID - 1]
        ids = id_map(objects, scene.height, scene.width)
        self.losses.ious += visible_ious(objects, ids) + [0.0] * (len(scene.objects) - len(objects))
        labels = np.array([0, *(one.label + 1 for one in objects)])
        self._save("SegmentationObject", name, ids)
        self._save("SegmentationClass", name, labels[ids])
        self._annotate(scene, name)
        self.place_image(scene, self.folder / "JPEGImages" / name)

    def finish(self) -> None:
        """The list of images, and the classes by the numbers that SegmentationClass has for them."""
        for split in ("train", "val"):
            file = self.folder / "ImageSets" / "Segmentation" / f"{split}.txt"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("".join(f"{stem}\n" for stem in self._stems), encoding="utf-8")
        lines = "".join(f"{number} {name}\n" for number, name in enumerate(self.classes, start=1))
        (self.folder / "classes.txt").write_text(lines, encoding="utf-8")

    def _save(self, kind: str, name: Path, numbers: NDArray[np.int32]) -> None:
        file = (self.folder / kind / name).with_suffix(".png")
        file.parent.mkdir(parents=True, exist_ok=True)
        picture = Image.fromarray(numbers.astype(np.uint8))
        picture.putpalette(_palette())
        picture.save(file)

    def _annotate(self, scene: Scene, name: Path) -> None:
        page = ElementTree.Element("annotation")
        for key, value in (("folder", "JPEGImages"), ("filename", name.name)):
            ElementTree.SubElement(page, key).text = value
        size = ElementTree.SubElement(page, "size")
        for key, number in (("width", scene.width), ("height", scene.height), ("depth", 3)):
            ElementTree.SubElement(size, key).text = str(number)
        ElementTree.SubElement(page, "segmented").text = "1"
        for one in scene.objects:
            _object(page, one)
        ElementTree.indent(page)
        file = (self.folder / "Annotations" / name).with_suffix(".xml")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(ElementTree.tostring(page, encoding="utf-8") + b"\n")


def _object(page: ElementTree.Element, one: FoundObject) -> None:
    element = ElementTree.SubElement(page, "object")
    x, y, width, height = one.box
    for key, text in (("name", one.name), ("truncated", "0"), ("difficult", "0"), ("score", f"{one.score:.4f}")):
        ElementTree.SubElement(element, key).text = text
    box = ElementTree.SubElement(element, "bndbox")
    for key, number in (("xmin", x + 1), ("ymin", y + 1), ("xmax", x + width), ("ymax", y + height)):
        ElementTree.SubElement(box, key).text = str(number)


def _palette() -> list[int]:
    """VOC's own: the bits of a number, spread over the high bits of red, green and blue."""
    numbers = np.arange(256)
    colours = np.zeros((256, 3), dtype=np.int64)
    for bit in range(8):
        for channel in range(3):
            colours[:, channel] |= ((numbers >> (3 * bit + channel)) & 1) << (7 - bit)
    flat: list[int] = colours.reshape(-1).tolist()
    return flat
