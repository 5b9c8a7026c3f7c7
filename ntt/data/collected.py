"""Labels of other programs on their way into COCO's terms: collected file by file, then numbered.

Images are numbered by their names, objects by image and then as they were found, classes by name unless the format
numbers them itself: the same labels in another format get the same numbers.
"""

from __future__ import annotations

import hashlib
import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ntt.data.coco import NO_BOX, Annotation, CocoDataset, ImageRecord
from ntt.data.geometry import Segmentation, mask_area, mask_box, read_masks
from ntt.errors import InputError, NothingLabelled
from ntt.foreign.parsing import parsing
from ntt.foreign.patience import PATIENCE

Box = tuple[float, float, float, float]
"""x, y, width, height in pixels, x and y of the left and top edges."""


@dataclass(frozen=True)
class LabelledObject:
    """One object as its format has it.

    Attributes:
        name: of its class.
        place: where it stands in its file, such as "cup.json: shapes[2]": messages begin with it.
        segmentation: its mask in COCO's form; None where there is only a box.
        box: None: that of the mask.
        impossible: whether nobody can make it out: then it is no reference.
        fault: why it cannot be used; None if it can.
    """

    name: str
    place: str
    segmentation: Segmentation | None = None
    box: Box | None = None
    impossible: bool = False
    fault: str | None = None


@dataclass
class CollectedLabels:
    """What was found below a folder so far.

    Attributes:
        path: `dataset.references` or `dataset.targets`: begins messages about the whole.
        root: the folder that the images' names count from.
    """

    path: Path
    root: Path
    _sizes: dict[str, tuple[int, int]] = field(default_factory=dict)
    _objects: dict[str, list[LabelledObject]] = field(default_factory=dict)
    _parsed: dict[str, str] = field(default_factory=dict)
    _counted: dict[str, list[str]] = field(default_factory=dict)
    _told: list[str] = field(default_factory=list)

    def read(self, file: Path) -> bytes:
        """The bytes of a file, which become part of the labels' digest.

        Raises:
            InputError: it cannot be read.
        """
        with parsing(lambda reason: InputError(f"{file}: cannot be read ({reason}); check the file")):
            raw = PATIENCE.of(file.read_bytes)
        name = self.name_of(file) if file.is_relative_to(self.root) else file.name  # no path of this machine
        self._parsed[name] = hashlib.sha256(raw).hexdigest()
        return raw

    def name_of(self, file: Path) -> str:
        """A file's name as counted from the root, with forward slashes; the whole path of a file outside."""
        return (file.relative_to(self.root) if file.is_relative_to(self.root) else file.absolute()).as_posix()

    def image(self, name: str, height: int, width: int, place: str) -> None:
        """Note an image and its size as annotated, in pixels; `place` names the file that says so.

        Raises:
            InputError: another file gives it another size.
        """
        other = self._sizes.setdefault(name, (height, width))
        if other != (height, width):
            raise InputError(
                f"{place}: the image {name} is {width} px wide and {height} high here, and {other[1]} wide and "
                f"{other[0]} high in another file of {self.path}; mend one of them"
            )

    def add(self, image: str, found: LabelledObject) -> None:
        """Note an object of an image that was noted before."""
        self._objects.setdefault(image, []).append(found)

    def leave_out(self, what: str, place: str) -> None:
        """Count something that is left out: `what` in the plural, such as "points, which have no area,"."""
        self.count(f"{what} are left out", place)

    def count(self, what: str, place: str) -> None:
        """Count something that a person has to know of: `what` in the plural, such as "boxes have no mask"."""
        self._counted.setdefault(what, []).append(place)

    def tell(self, sentence: str) -> None:
        """Note something that a person has to know of the labels."""
        self._told.append(f"{self.path}: {sentence}")

    def dataset(self, classes: Sequence[str] | None = None) -> CocoDataset:
        """Everything, numbered from 1.

        Args:
            classes: their names in the format's own order; None: those of the objects, by name.

        Raises:
            NothingLabelled: there is no object at all.
            InputError: two classes of one name.
        """
        objects = [found for every in self._objects.values() for found in every]
        names = {_plain(found.name) for found in objects}
        ordered = sorted(names) if classes is None else [_plain(name) for name in classes]
        if not ordered:
            skipped = f" ({'; '.join(self._sentences())})" if self._counted else ""
            raise NothingLabelled(f"{self.path}: there is no labelled object in it{skipped}; label one of each class")
        if twice := sorted({name for name in ordered if ordered.count(name) > 1}):
            raise InputError(f"{self.path}: two of its classes are called {twice[0]!r}; give each a name of its own")
        category = {name: number for number, name in enumerate(ordered, start=1)}
        images = {
            number: ImageRecord(number, name, *self._sizes[name])
            for number, name in enumerate(sorted(self._sizes), start=1)
        }
        pairs = [(image, found) for image in images.values() for found in self._objects.get(image.file_name, [])]
        annotations = [
            _annotation(number, image, category[_plain(found.name)], found)
            for number, (image, found) in enumerate(pairs, start=1)
        ]
        return CocoDataset(
            path=self.path,
            sha256=self._digest(images),
            images=images,
            annotations=_measured(annotations, images),
            categories={number: name for name, number in category.items()},
            told=(*self._told, *(f"{self.path}: {sentence}" for sentence in self._sentences())),
            places={number: found.place for number, (_, found) in enumerate(pairs, start=1)},
        )

    def _sentences(self) -> list[str]:
        return [f"{len(places)} {what}, the first: {places[0]}" for what, places in self._counted.items()]

    def _digest(self, images: dict[int, ImageRecord]) -> str:
        """Of all that was parsed, and of the images' sizes, by which some formats count."""
        digest = hashlib.sha256()
        for name, content in sorted(self._parsed.items()):
            digest.update(f"{name}\0{content}\0".encode())
        for image in images.values():
            digest.update(f"{image.file_name}\0{image.height}\0{image.width}\0".encode())
        return digest.hexdigest()


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name).strip()


def _annotation(number: int, image: ImageRecord, category: int, found: LabelledObject) -> Annotation:
    return Annotation(
        id=number,
        image_id=image.id,
        category_id=category,
        bbox=found.box or NO_BOX,
        segmentation=found.segmentation,
        area=found.box[2] * found.box[3] if found.box and found.segmentation is None else math.nan,
        iscrowd=False,
        isimpossible=found.impossible,
        faults={"segmentation": found.fault} if found.fault else None,
    )


def _measured(annotations: list[Annotation], images: dict[int, ImageRecord]) -> list[Annotation]:
    """With the boxes and areas of sound masks: these formats have no others."""
    masks = read_masks(annotations, images)
    for index, segmentation in enumerate(masks.segmentations):
        if segmentation is not None:
            annotation = annotations[index]
            image = images[annotation.image_id]
            area = mask_area(segmentation, image.height, image.width)
            box = annotation.bbox
            if math.isnan(box[0]) and isinstance(segmentation, list):  # as COCO has it: around the points
                x1, y1, x2, y2 = masks.extents[index].tolist()
                box = (x1, y1, x2 - x1, y2 - y1)
            elif math.isnan(box[0]):
                box = mask_box(segmentation, image.height, image.width)
            annotations[index] = replace(annotation, area=area, bbox=box)
    return annotations
