"""Masks as pictures: one binary file an object, a map of object numbers, or a map of colours with a legend."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from ntt.data.coco import CocoDataset
from ntt.data.collected import CollectedLabels, LabelledObject
from ntt.data.drawn_shapes import mask_rle
from ntt.data.images import IMAGE_SUFFIXES
from ntt.data.instance_maps import LOSSLESS, read_colours, read_map, values_of
from ntt.data.legends import NAMES, Legend, read_legend
from ntt.data.mask_names import MaskName, read_mask_name
from ntt.data.pictures import files_below
from ntt.data.readers.protocol import DatasetReader, Role
from ntt.errors import InputError

_MASKS = "masks"
_RULES = "masks/CLASS/STEM.png, masks/CLASS/STEM_N.png, masks/STEM/CLASS.png, masks/STEM_CLASS.png, or masks/STEM.png"
_CVAT = ("SegmentationObject", "SegmentationClass", "labelmap.txt")
_FULL = 255


class Reader(DatasetReader):
    """A folder of pictures with a folder `masks` in it (ntt/data/mask_names.py has the names), or CVAT's mask export.

    A file with a class in its name is one object: whatever is not black; of grey levels up to 255, a soft edge, what is
    128 or more. Where its values are numbers without 255, and its name ends in none, each value is an object. In a map
    of all objects each value, or colour, of the legend is one object.
    """

    def recognises(self, path: Path) -> bool:
        """By a folder `masks` with pictures in it, or CVAT's folders and its labelmap.txt."""
        if not path.is_dir():
            return False
        if (path / _CVAT[1]).is_dir() and (path / _CVAT[2]).is_file() and not (path / "Annotations").is_dir():
            return True
        below = path / _MASKS
        return below.is_dir() and any(file.suffix.lower() in LOSSLESS for file in files_below(below))

    def read(self, path: Path, role: Role) -> CocoDataset:
        """See the class. Pictures without a mask are not labelled: they are counted and left out."""
        del role
        path = Path(os.path.normpath(path))
        if not path.is_dir():
            raise InputError(f"{path}: masks are read from a folder that holds pictures and {_MASKS}; name that folder")
        labels = CollectedLabels(path, path)
        cvat = not (path / _MASKS).is_dir()
        folders = [path / name for name in (_CVAT[:2] if cvat else (_MASKS,))]
        pictures = _pictures(path, folders)
        labelled = _read_cvat(path, pictures, labels) if cvat else _read_masks(path / _MASKS, pictures, labels)
        for stem, picture in pictures.items():
            if stem not in labelled:
                labels.leave_out("pictures without a mask", labels.name_of(picture))
        return labels.dataset()


def _pictures(path: Path, without: list[Path]) -> dict[str, Path]:
    """Every picture by its stem: those in `images` where there is such a folder."""
    found: dict[str, Path] = {}
    for file in sorted(files_below(path / "images" if (path / "images").is_dir() else path)):
        if file.suffix.lower() not in IMAGE_SUFFIXES or any(folder in file.parents for folder in without):
            continue
        other = found.setdefault(file.stem, file)
        if other is not file:
            raise InputError(
                f"{path}: masks could belong to {other} and to {file}; give each picture a name of its own"
            )
    return found


def _read_masks(folder: Path, pictures: dict[str, Path], labels: CollectedLabels) -> set[str]:
    labelled = set()
    shared = next((folder / name for name in NAMES if (folder / name).is_file()), None)
    shared = shared or next((labels.root / name for name in NAMES if (labels.root / name).is_file()), None)
    legend = read_legend(shared, labels) if shared else None
    for file in sorted(files_below(folder), key=_in_order):
        place = labels.name_of(file)
        if file.suffix.lower() not in LOSSLESS:
            if file.suffix.lower() in IMAGE_SUFFIXES:
                raise InputError(f"{file}: a mask in a format that changes pixels; save it as PNG")
            continue
        meant = read_mask_name(PurePosixPath(file.relative_to(folder).as_posix()), pictures)
        if meant is None:
            labels.leave_out(f"masks whose names are none of {_RULES} for a picture that is there", place)
            continue
        picture = labels.name_of(pictures[meant.stem])
        own = next((f for f in (file.with_suffix(".json"), file.with_suffix(".csv")) if f.is_file()), None)
        labels.read(file)
        for name, mask, where in _objects(file, meant, read_legend(own, labels) if own else legend, labels):
            labels.image(picture, mask.shape[0], mask.shape[1], str(file))
            labels.add(picture, LabelledObject(name, f"{place}{where}", mask_rle(mask)))
            labelled.add(meant.stem)
    return labelled


def _in_order(file: Path) -> tuple[str, int, str]:
    """Files called ..._2 before those called ..._10."""
    stem, _, number = file.stem.rpartition("_")
    numbered = stem and number.isdigit()
    return str(file.parent / (stem if numbered else file.stem)), int(number) if numbered else -1, file.name


def _objects(
    file: Path, meant: MaskName, legend: Legend | None, labels: CollectedLabels
) -> Iterator[tuple[str, NDArray[np.bool_], str]]:
    """Class, mask and the place in the file of each object."""
    if meant.name is None:
        if legend is None:
            raise InputError(
                f"{file}: it is a map of all objects of {meant.stem}, and no legend says their classes; "
                f"write {_MASKS}/legend.csv with a line such as 1,cup or #ff0000,cup, or move "
                "it into a folder named as its class"
            )
        pixels = read_colours(file) if legend.colours else read_map(file)
        for value in values_of(pixels):
            shown = f"#{value:06x}" if legend.colours else str(value)
            if value in legend.classes:
                yield legend.classes[value], pixels == value, f": {shown}"
            elif value:
                labels.leave_out(f"values of maps that {legend.file.name} does not name", f"{file}: {shown}")
        return
    try:
        pixels = read_map(file)
    except InputError:
        yield meant.name, read_colours(file) != 0, ""
        return
    values = [value for value in values_of(pixels) if value]
    if len(values) > 1 and _FULL not in values and not meant.numbered:
        for value in values:
            yield meant.name, pixels == value, f": {value}"
    else:
        yield meant.name, pixels >= 128 if len(values) > 1 and _FULL in values else pixels != 0, ""


def _read_cvat(path: Path, pictures: dict[str, Path], labels: CollectedLabels) -> set[str]:
    """Objects of SegmentationObject, each of the class that SegmentationClass has at its pixels."""
    legend = read_legend(path / _CVAT[2], labels)
    if not legend.colours:
        raise InputError(f"{legend.file}: it gives numbers, where CVAT's has colours; write name:r,g,b:: a line")
    labelled = set()
    for file in sorted((path / _CVAT[1]).glob("*.png")):
        if file.stem not in pictures:
            labels.leave_out("masks without a picture", labels.name_of(file))
            continue
        picture = labels.name_of(pictures[file.stem])
        labels.read(file)
        classes = read_colours(file)
        labels.image(picture, classes.shape[0], classes.shape[1], str(file))
        labelled.add(file.stem)
        objects = path / _CVAT[0] / file.name
        if objects.is_file():
            labels.read(objects)
        numbers = read_colours(objects) if objects.is_file() else classes
        if numbers.shape != classes.shape:
            raise InputError(f"{objects}: its size is not that of {file}; export both anew")
        for value in values_of(numbers):
            mask = numbers == value
            owners, counts = np.unique(classes[mask], return_counts=True)
            owner = int(owners[counts.argmax()])
            if value and owner in legend.classes:
                place = f"{labels.name_of(objects if objects.is_file() else file)}: #{value:06x}"
                labels.add(picture, LabelledObject(legend.classes[owner], place, mask_rle(mask)))
            elif value:
                labels.leave_out(f"objects of a colour that {_CVAT[2]} does not name", f"{file}: #{owner:06x}")
    return labelled
