"""The fixed references of "Frustratingly Simple Few-Shot Object Detection" (TFA): cocosplit and vocsplit.

Both have a file for each class and shot count, in a folder for each group of references (seed1, seed2, ...; those of
earlier work lie beside these folders). The files of a shot count are read as one fixed set.
"""

from __future__ import annotations

import hashlib
import random
import re
from pathlib import Path
from typing import Any

from ntt.data.coco import CocoDataset, read_document
from ntt.data.collected import CollectedLabels
from ntt.data.readers import coco, voc, voc_devkit
from ntt.data.readers.protocol import Role
from ntt.errors import InputError, require
from ntt.foreign.documents import read_object

_WHOLE = "is the download complete?"


class CocoSplit(coco.Reader):
    """`full_box_{shots}shot_{class}_trainval.json` of a folder as one file; targets are an ordinary COCO json.

    TFA names COCO 2014's images. Those of its trainval without 5k are 2017's train2017, and the 5k val2017; the same
    pictures have the same number there, and no prefix.

    Args:
        shots: references per class.
        images: 2017 to look for COCO 2017's file names, 2014 for those that are written in the files.
    """

    def __init__(self, shots: int, images: int = 2017) -> None:
        require(images in (2014, 2017), "dataset.format.images", images, "2014 or 2017")
        self._shots = shots
        self._renamed = images == 2017

    def recognises(self, path: Path) -> bool:
        """By the files of some shot count, or as a COCO json."""
        return _any(path, "full_box_*shot_*_trainval.json") or super().recognises(path)

    def read(self, path: Path, role: Role) -> CocoDataset:
        """See the class; categories are those that the files list, of whatever class each is."""
        if role == "targets":
            return super().read(path, role)
        merged: dict[str, dict[int, Any]] = {"images": {}, "annotations": {}, "categories": {}}
        digest = hashlib.sha256()
        for file in _of_shots(path, "full_box_{}shot_*_trainval.json", self._shots):
            document = read_object(file, _WHOLE)
            digest.update(f"{file.name}\0{hashlib.sha256(file.read_bytes()).hexdigest()}\0".encode())
            for key, entries in merged.items():
                entries.update({entry["id"]: entry for entry in self._entries(document, key, file)})
        return read_document(
            {key: list(entries.values()) for key, entries in merged.items()}, digest.hexdigest(), path, "refuse"
        )

    def _entries(self, document: dict[str, Any], key: str, file: Path) -> list[dict[str, Any]]:
        entries = document.get(key)
        sound = isinstance(entries, list) and all(isinstance(one, dict) and "id" in one for one in entries)
        if not sound or entries is None:
            raise InputError(f"{file}: not a COCO file: it has no list {key!r} of entries with ids; {_WHOLE}")
        if key == "images" and self._renamed:
            return [{**one, "file_name": re.sub(r"^COCO_\w+2014_", "", str(one.get("file_name")))} for one in entries]
        return list(entries)

    def image_places(self, path: Path) -> list[Path]:
        """Of the references none but what `dataset.reference_images` names."""
        return [path] if path.is_dir() else super().image_places(path)


class VocSplit(voc_devkit.Reader):
    """`box_{shots}shot_{class}_train.txt` of a folder as one set; targets are VOC 2007 test.

    A file lists images. Of the class's objects in them that are not difficult, `shots` are references: drawn by `seed`
    where there are more, which TFA does without one.

    Args:
        shots: references per class.
        seed: of that draw.
    """

    def __init__(self, shots: int, seed: int = 0) -> None:
        super().__init__()
        self._shots = shots
        self._seed = seed

    def recognises(self, path: Path) -> bool:
        """By the files of some shot count, or as the devkit."""
        return _any(path, "box_*shot_*_train.txt") or super().recognises(path)

    def read(self, path: Path, role: Role) -> CocoDataset:
        """See the class; the XML files are those of the VOCdevkit beside the folder or above it."""
        if role == "targets":
            return super().read(path, role)
        kit = _devkit(path)
        labels = CollectedLabels(path, kit)
        for file in _of_shots(path, "box_{}shot_*_train.txt", self._shots):
            name = file.name.removeprefix(f"box_{self._shots}shot_").removesuffix("_train.txt")
            found = [one for stem in _stems(file, labels) for one in self._objects(kit, stem, name, labels)]
            if len(found) > self._shots:
                chosen = random.Random(f"{self._seed} {name}").sample(range(len(found)), self._shots)
                found = [found[place] for place in sorted(chosen)]
            for image, one in found:
                labels.add(image, one)
        return labels.dataset(voc_devkit.VOC_CLASSES)

    def _objects(self, kit: Path, stem: str, name: str, labels: CollectedLabels) -> list[tuple[str, Any]]:
        """Of an image: its name and each object of the class that can be made out."""
        root = kit / ("VOC2012" if "_" in stem else "VOC2007")
        file = root / "Annotations" / f"{stem}.xml"
        element, entries = voc.parse_xml(file, labels)
        image = voc.image_of(file, element, root)
        labels.image(labels.name_of(image), *voc.size_of(file, element, image), str(file))
        own = [entry for entry in entries if entry.name == name and not entry.difficult]
        return [(labels.name_of(image), voc.object_of(entry, from_zero=False)) for entry in own]

    def image_places(self, path: Path) -> list[Path]:
        """The devkit's folder."""
        return [path if super().recognises(path) else _devkit(path)]


def _any(path: Path, pattern: str) -> bool:
    return path.is_dir() and next(path.glob(pattern), None) is not None


def _of_shots(path: Path, pattern: str, shots: int) -> list[Path]:
    """The files of a shot count, by name.

    Raises:
        InputError: there are none; which shot counts there are is said.
    """
    found = sorted(path.glob(pattern.format(shots)))
    if not found:
        every = {re.sub(r".*box_(\d+)shot.*", r"\1", file.name) for file in path.glob(pattern.format("*"))}
        there = f"there are those of {', '.join(sorted(every, key=int))} shots" if every else "there are none of any"
        raise InputError(
            f"{path} (dataset.references) holds no {pattern.format(shots)}: {there}. TFA's folders are called seed1, "
            "seed2 and so on (seed=1); `ntt data fetch tfa_coco` and `tfa_voc` say how they are got."
        )
    return found


def _stems(file: Path, labels: CollectedLabels) -> list[str]:
    lines = labels.read(file).decode("utf-8", "replace").split()
    return [Path(line).stem for line in lines]


def _devkit(path: Path) -> Path:
    here = path.absolute()
    for folder in (here, *here.parents[:3]):
        if (folder / "VOCdevkit").is_dir():
            return folder / "VOCdevkit"
    raise InputError(
        f"{path} (dataset.references) has no VOCdevkit beside it or above it, whose XML files say where the objects "
        "are: `ntt data fetch voc` brings it."
    )
