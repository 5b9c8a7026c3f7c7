"""Pascal VOC: an XML an image, boxes in it, and masks of its objects in a PNG where there are."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from ntt.data.coco import CocoDataset
from ntt.data.collected import Box, CollectedLabels, LabelledObject
from ntt.data.drawn_shapes import mask_rle
from ntt.data.images import IMAGE_SUFFIXES, stored_size
from ntt.data.instance_maps import box_iou, extent, read_map, values_of
from ntt.data.pictures import files_below
from ntt.data.readers.protocol import DatasetReader, Role
from ntt.errors import InputError, require
from ntt.foreign.parsing import parsing

_VOID = 255  # of SegmentationObject: a border that belongs to nobody
_SAME = 0.5  # IoU from which a mask's extent and a box are about one object
_MEND = "mend it, or remove the file"
_SPLITS = {"references": ("train",), "targets": ("val", "test")}


@dataclass(frozen=True)
class Entry:
    """An object as its XML has it."""

    name: str
    place: str
    corners: tuple[float, float, float, float] | None  # xmin, ymin, xmax, ymax as written
    difficult: bool
    fault: str | None


class Reader(DatasetReader):
    """A folder with Annotations, JPEGImages and perhaps SegmentationObject, or any folder of such XML files, or one.

    Boxes count from 1 and hold their last pixel, as VOC's do; where one begins at 0, all of the folder are taken as
    `[xmin, xmax)` from 0, as labelImg and others write them, and that is said. What is difficult is no reference.

    Args:
        split: a list in ImageSets; None: train for references, val for targets, where there are such lists.
        first_pixel: 1 or 0: what boxes count from; None: 1, unless one begins at 0.
    """

    by_role = True

    def __init__(self, split: str | None = None, first_pixel: int | None = None) -> None:
        require(first_pixel in (None, 0, 1), "dataset.format.first_pixel", first_pixel, "0, 1 or null")
        self._split = split
        self._first = first_pixel

    def recognises(self, path: Path) -> bool:
        """By an XML file with VOC's outermost element."""
        return any(_looks_like_voc(file) for file in _xmls(path))

    def read(self, path: Path, role: Role) -> CocoDataset:
        """See the class. Masks are matched to boxes by where they lie."""
        path = Path(os.path.normpath(path))
        root = path if path.is_dir() else path.parent.parent if path.parent.name == "Annotations" else path.parent
        labels = CollectedLabels(path, root)
        self.collect(root, self._of_split(path, root, role, labels), labels)
        return labels.dataset()

    def collect(self, root: Path, files: Sequence[Path], labels: CollectedLabels, benchmark: bool = False) -> None:
        """Put what XML files say into labels.

        Args:
            root: the folder with JPEGImages beside Annotations.
            files: of Annotations.
            labels: where to.
            benchmark: as the published code reads them: of an image what is difficult last, on which the draw of
                references depends, and no mask of SegmentationObject.
        """
        found = [(file, *parse_xml(file, labels)) for file in files]
        from_zero = self._counts_from_zero([entry for _, _, entries in found for entry in entries], labels)
        for file, element, entries in found:
            image = image_of(file, element, root)
            name = labels.name_of(image)
            labels.image(name, *size_of(file, element, image), str(file))
            ordered = sorted(entries, key=lambda entry: entry.difficult) if benchmark else entries
            objects = [object_of(entry, from_zero) for entry in ordered]
            mask_file = None if benchmark else _mask_file(file, root)
            if mask_file is not None:
                objects = _with_masks(objects, mask_file, labels, size_of(file, element, image))
            for one in objects:
                labels.add(name, one)

    def image_places(self, path: Path) -> list[Path]:
        """The folder that names count from, and JPEGImages."""
        root = path if path.is_dir() else path.parent.parent if path.parent.name == "Annotations" else path.parent
        return [root, root / "JPEGImages", root / "images"]

    def _of_split(self, path: Path, root: Path, role: Role, labels: CollectedLabels) -> list[Path]:
        files = _xmls(path)
        if path.is_file():
            return files
        sets = [root / "ImageSets" / kind for kind in ("Segmentation", "Main")]
        wanted = [self._split] if self._split else _SPLITS[role]
        lists = [folder / f"{name}.txt" for name in wanted for folder in sets if (folder / f"{name}.txt").is_file()]
        if not lists:
            if self._split:
                raise InputError(
                    f"{root}: ImageSets has no {self._split}.txt in Segmentation or Main; name another split"
                )
            return files
        chosen = {
            line.split()[0] for line in labels.read(lists[0]).decode("utf-8", "replace").splitlines() if line.split()
        }
        labels.tell(f"the {len(chosen)} images of {labels.name_of(lists[0])} are read for the {role}")
        return [file for file in files if file.stem in chosen]

    def _counts_from_zero(self, entries: Sequence[Entry], labels: CollectedLabels) -> bool:
        if self._first is not None:
            return self._first == 0
        zero = next((e for e in entries if e.corners and min(e.corners[:2]) == 0), None)
        if zero:
            labels.tell(
                f"boxes are taken to count from 0 and to end before xmax and ymax, for one begins at 0 ({zero.place}); "
                "VOC's count from 1"
            )
        return zero is not None


def _xmls(path: Path) -> list[Path]:
    if path.is_dir():
        below = path / "Annotations" if (path / "Annotations").is_dir() else path
        return sorted(file for file in files_below(below) if file.suffix.lower() == ".xml")
    return [path] if path.suffix.lower() == ".xml" else []


def _looks_like_voc(file: Path) -> bool:
    try:
        with file.open("rb") as opened:
            return b"<annotation" in opened.read(1 << 12)
    except OSError:
        return False


def parse_xml(file: Path, labels: CollectedLabels) -> tuple[ElementTree.Element, list[Entry]]:
    """An XML file and its objects.

    Raises:
        InputError: it is none of VOC's.
    """
    raw = labels.read(file)
    if b"<!ENTITY" in raw:
        raise InputError(f"{file}: it declares entities, which no VOC file needs and which can exhaust memory; {_MEND}")
    with parsing(lambda reason: InputError(f"{file}: not a readable XML file ({reason}); {_MEND}")):
        element = ElementTree.fromstring(raw)
    if element.tag != "annotation":
        raise InputError(f"{file}: its outermost element is {element.tag!r}, not 'annotation' as VOC's; {_MEND}")
    entries = []
    for index, found in enumerate(element.findall("object"), start=1):
        place = f"{labels.name_of(file)}: object {index}"
        name = _text(found, "name")
        if name is None:
            raise InputError(f"{file}: object {index} has no name; {_MEND}")
        corners, fault = _corners(found)
        difficult = (_text(found, "difficult") or "0").lower() in ("1", "true", "yes")
        entries.append(Entry(name, f"{place} ({name})", corners, difficult, fault))
    return element, entries


def _text(element: ElementTree.Element, path: str) -> str | None:
    text = (element.findtext(path) or "").strip()
    return text or None


def _corners(element: ElementTree.Element) -> tuple[tuple[float, float, float, float] | None, str | None]:
    values = []
    for key in ("xmin", "ymin", "xmax", "ymax"):
        text = _text(element, f"bndbox/{key}")
        if text is None:
            return None, f"its bndbox has no {key}"
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not abs(value) < 2**31:
            return None, f"its {key} {text[:40]!r} is no number of pixels"
        values.append(value)
    xmin, ymin, xmax, ymax = values
    if xmax < xmin or ymax < ymin:
        return None, f"its bndbox ends before it begins: {xmin:g}, {ymin:g} to {xmax:g}, {ymax:g}"
    return (xmin, ymin, xmax, ymax), None


def object_of(entry: Entry, from_zero: bool) -> LabelledObject:
    """An object as labels have it."""
    box: Box | None = None
    if entry.corners is not None:
        xmin, ymin, xmax, ymax = entry.corners
        box = (
            (xmin, ymin, xmax - xmin, ymax - ymin)
            if from_zero
            else (xmin - 1, ymin - 1, xmax - xmin + 1, ymax - ymin + 1)
        )
    return LabelledObject(entry.name, entry.place, box=box, impossible=entry.difficult, fault=entry.fault)


def image_of(file: Path, element: ElementTree.Element, root: Path) -> Path:
    """The image of an XML: as its `filename` says or called as itself, in JPEGImages, images, or beside it."""
    named = (_text(element, "filename") or "").replace("\\", "/").rsplit("/", 1)[-1]
    folders = [root / "JPEGImages", root / "images", file.parent, root]
    names = [named] if named else []
    if Path(named).suffix.lower() not in IMAGE_SUFFIXES:
        names += [f"{named or file.stem}{suffix}" for suffix in sorted(IMAGE_SUFFIXES)]
    names += [f"{file.stem}{suffix}" for suffix in sorted(IMAGE_SUFFIXES)]
    found = (folder / name for name in names for folder in folders if (folder / name).is_file())
    return next(found, root / (named or file.stem))


def size_of(file: Path, element: ElementTree.Element, image: Path) -> tuple[int, int]:
    """Height and width in pixels: as an XML says, else as its image has it."""
    texts = [_text(element, f"size/{key}") for key in ("height", "width")]
    if all(text and text.isdigit() and 0 < int(text) < 2**20 for text in texts):
        height, width = (int(text) for text in texts if text)
        return height, width
    if (stored := stored_size(image)) is not None:  # some tools write no size, or 0
        return stored
    raise InputError(f"{file}: its size has no width and height, and {image} cannot be read; write them into it")


def _mask_file(file: Path, root: Path) -> Path | None:
    found = root / "SegmentationObject" / f"{file.stem}.png"
    return found if found.is_file() else None


def _with_masks(
    objects: list[LabelledObject], mask_file: Path, labels: CollectedLabels, size: tuple[int, int]
) -> list[LabelledObject]:
    """Give each box the mask that lies in it: the pairs with the highest IoU first, of equal ones in order."""
    labels.read(mask_file)
    pixels = read_map(mask_file)
    place = labels.name_of(mask_file)
    if pixels.shape != size:
        raise InputError(
            f"{mask_file}: it is {pixels.shape[1]} px wide and {pixels.shape[0]} high, its XML says {size[1]} and "
            f"{size[0]}; mend one of them"
        )
    masks = {value: pixels == value for value in values_of(pixels) if value not in (0, _VOID)}
    extents = {value: extent(mask) for value, mask in masks.items()}
    pairs = sorted(
        (-box_iou(found.box, extents[value]), abs(value - 1 - index), index, value)
        for index, found in enumerate(objects)
        if found.box
        for value in masks
    )
    result, taken = list(objects), set()
    for negative, _, index, value in pairs:
        if -negative >= _SAME and value not in taken and result[index].segmentation is None:
            taken.add(value)
            result[index] = replace(objects[index], segmentation=mask_rle(np.asarray(masks[value])))
    for value in sorted(set(masks) - taken):
        labels.leave_out("masks that are in no box", f"{place}: value {value}")
    for found in result:
        if found.segmentation is None:
            labels.count("objects have a box and no mask in SegmentationObject", found.place)
    return result
