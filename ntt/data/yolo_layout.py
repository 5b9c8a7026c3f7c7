"""Where the parts of a YOLO data set are: class names, images of a split, the text file of an image."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from ntt.data.images import IMAGE_SUFFIXES
from ntt.data.pictures import files_below
from ntt.data.readers.protocol import Role
from ntt.errors import InputError
from ntt.foreign.documents import read_yaml

NAME_LISTS = ("classes.txt", "obj.names", "_darknet.labels", "labels.txt")
_YAML = (".yaml", ".yml")
_SPLITS = {"references": ("train", "val", "test"), "targets": ("val", "valid", "test", "train")}


@dataclass(frozen=True)
class Layout:
    """The parts.

    Attributes:
        root: folder that names count from.
        names: of the classes, by their number from 0.
        named_in: the file that lists them.
        files: what else was read, for the digest.
        images: those of the split, by name.
        where: what was searched for them, for messages.
        way: ends the message that there are none.
        told: what a person has to know.
    """

    root: Path
    names: list[str]
    named_in: Path
    files: list[Path]
    images: list[Path]
    where: str
    way: str
    told: list[str] = field(default_factory=list)

    def label_folders(self) -> list[Path]:
        """Folders in which text files belong to the images."""
        return list(dict.fromkeys(_labels_beside(image).parent for image in self.images if label_file(image)))


def find_layout(path: Path) -> Layout | None:
    """As :func:`open_layout` for targets, without the images; None where this does not look like YOLO."""
    try:
        if found := _yaml_of(path):
            names = _names(_document(found), found)
            return Layout(_root_of(path, found), names, found, [], [], "", "")
        named_in = _name_list(path)
        if named_in is None or not any(is_label_file(f) for f in files_below(path) if f.name not in NAME_LISTS):
            return None
        return Layout(path, [], named_in, [], [], "", "")
    except (InputError, OSError):
        return None


def open_layout(path: Path, role: Role, split: str | None) -> Layout:
    """The parts of what `path` names.

    Args:
        path: a folder or its data.yaml.
        role: chooses the split where none is given: train for references, val for targets.
        split: of data.yaml.

    Raises:
        InputError: names are missing, or the split is.
    """
    path = Path(os.path.normpath(path))
    found = _yaml_of(path)
    if found is not None and (path.is_file() or found.parent == path):
        return _by_yaml(path, found, role, split)
    named_in = found or _name_list(path)
    if named_in is None:
        raise InputError(
            f"{path}: the names of its classes are missing; write them into classes.txt, a line each, or data.yaml"
        )
    names = _names(_document(found), found) if found else _listed(named_in)
    images = _images(path)
    return Layout(path, names, named_in, [named_in], images, str(path), "put the images beside their text files")


def _by_yaml(path: Path, file: Path, role: Role, split: str | None) -> Layout:
    document = _document(file)
    names = _names(document, file)
    if "kpt_shape" in document:
        raise InputError(f"{file}: its labels are poses (kpt_shape), which are no masks or boxes; give others")
    there = [key for key in ("train", "val", "valid", "test") if document.get(key)]
    told = []
    if split is not None:
        if split not in there:
            raise InputError(f"{file}: it has no split {split!r}, but {', '.join(there) or 'none'}; name one of them")
    elif there:
        split = next(key for key in _SPLITS[role] if key in there)
        if len(there) > 1:
            told.append(f"its split {split} is read for the {role}, {' and '.join(k for k in there if k != split)} not")
    root = _root_of(path, file)
    base = _base(document, file)
    if split is None:
        return Layout(root, names, file, [file], _images(root), str(root), f"name folders of images in {file}", told)
    entries = document[split] if isinstance(document[split], list) else [document[split]]
    images: list[Path] = []
    read = [file]
    for entry in entries:
        place = _place(str(entry), base, file)
        if place is None:
            raise InputError(f"{file}: {split}: {entry} is neither there nor in {base}; mend the path")
        if place.is_dir():
            images += _images(place)
        else:
            read.append(place)
            lines = place.read_text(encoding="utf-8", errors="replace").splitlines()
            listed = [_place(line.strip(), place.parent, file) or place.parent / line.strip() for line in lines]
            images += [image for image, line in zip(listed, lines, strict=True) if line.strip()]
    where = f"split {split} of {file}"
    if not all(image.is_relative_to(root) for image in images):
        root = Path(os.path.commonpath([image.parent for image in images]))
    return Layout(root, names, file, read, sorted(set(images)), where, f"mend {split} in {file.name}", told)


def label_file(image: Path) -> Path | None:
    """The text file of an image: in `labels` beside the last folder called `images`, or beside the image."""
    beside = image.with_suffix(".txt")
    return next((file for file in (_labels_beside(image), beside) if file.is_file()), None)


def _labels_beside(image: Path) -> Path:
    parts = list(image.parts)
    for position in range(len(parts) - 2, -1, -1):
        if parts[position] == "images":
            parts[position] = "labels"
            return Path(*parts).with_suffix(".txt")
    return image.with_suffix(".txt")


def is_label_file(file: Path) -> bool:
    """Whether the first line of a text file is a whole number and fractions."""
    if file.suffix.lower() != ".txt":
        return False
    try:
        with file.open("rb") as opened:
            words = opened.readline(100_000).split()
        return len(words) >= 5 and float(words[0]).is_integer() and all(-1 <= float(word) <= 2 for word in words[1:])
    except (OSError, ValueError, OverflowError):
        return False


def _yaml_of(path: Path) -> Path | None:
    """data.yaml: the path itself, the one yaml with names in the folder, or that of a folder above a split's."""
    if path.is_file():
        return path if path.suffix.lower() in _YAML and _has_names(path) else None
    for folder in (path, path.parent) if _has_labels(path) else (path,):
        found = [file for file in sorted(folder.iterdir()) if file.suffix.lower() in _YAML and _has_names(file)]
        if found:
            return found[0]
    return None


def _has_labels(path: Path) -> bool:
    return (path / "labels").is_dir()


def _has_names(file: Path) -> bool:
    try:
        return isinstance(_document(file).get("names"), (list, dict))
    except InputError:
        return False


def _root_of(path: Path, file: Path) -> Path:
    return path if path.is_dir() else file.parent


def _document(file: Path) -> dict[str, Any]:
    found = OmegaConf.to_container(read_yaml(file, "mend it"))
    if not isinstance(found, dict):
        raise InputError(f"{file}: it holds no keys such as names and train; see docs/my_own_objects.md")
    return {str(key): value for key, value in found.items()}


def _names(document: dict[str, Any], file: Path) -> list[str]:
    names = document.get("names")
    if isinstance(names, dict) and all(isinstance(key, int) for key in names):
        if sorted(names) != list(range(len(names))):
            raise InputError(f"{file}: names has the numbers {sorted(names)[:10]}, not 0 to {len(names) - 1}; name all")
        names = [names[number] for number in range(len(names))]
    if not isinstance(names, list) or not names or not all(isinstance(name, (str, int, float)) for name in names):
        raise InputError(f"{file}: names is no list of class names; write names: [cup, heart]")
    return [str(name) for name in names]


def _name_list(path: Path) -> Path | None:
    if not path.is_dir():
        return None
    folders = [path, path / "labels", *([path.parent] if _has_labels(path) else [])]
    return next((folder / name for folder in folders for name in NAME_LISTS if (folder / name).is_file()), None)


def _listed(file: Path) -> list[str]:
    names = [line.strip() for line in file.read_text(encoding="utf-8-sig", errors="replace").splitlines()]
    while names and not names[-1]:
        names.pop()
    if not names or "" in names:
        raise InputError(
            f"{file}: it has an empty line, or none; write the name of a class a line, the first is class 0"
        )
    return names


def _base(document: dict[str, Any], file: Path) -> Path:
    """`path` in data.yaml, where it is there; else the file's own folder."""
    given = document.get("path")
    for place in (file.parent / str(given), Path(str(given))) if given else ():
        if place.is_dir():
            return place
    return file.parent


def _place(entry: str, base: Path, file: Path) -> Path | None:
    """What a split names: below `path` or the file's folder, or there without the `../` that exports put in front."""
    plain = entry.replace("\\", "/")
    short = plain.lstrip("./")
    candidates = [base / plain, file.parent / plain, file.parent / short]
    return next((Path(os.path.normpath(place)) for place in candidates if place.exists()), None)


def _images(folder: Path) -> list[Path]:
    return sorted(file for file in files_below(folder) if file.suffix.lower() in IMAGE_SUFFIXES)
