"""COCO and LVIS: one json with images, annotations and categories."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ntt.data.coco import CocoDataset, read_coco
from ntt.data.readers.protocol import DatasetReader, Role
from ntt.errors import InputError

_LISTS = (b'"images"', b'"annotations"', b'"categories"')
_HEAD = 1 << 20  # bytes in which one of the lists begins: before them stand notes about licences at most


class Reader(DatasetReader):
    """A COCO json, or a folder that holds exactly one."""

    def recognises(self, path: Path) -> bool:
        """By the name of a list near its beginning."""
        return any(looks_like_coco(file) for file in jsons(path))

    def read(self, path: Path, role: Role) -> CocoDataset:
        """See :func:`ntt.data.coco.read_coco`; of targets, annotations of unlisted categories are left out."""
        file = _the_json(path, role)
        dataset = read_coco(file, "refuse" if role == "references" else "count")
        others = [other for other in jsons(path) if other != file] if path.is_dir() else []
        if not others:
            return dataset
        told = f"{path}: {len(others)} json files that are no COCO files are left out, the first is {others[0].name}"
        return replace(dataset, told=(told,))

    def image_places(self, path: Path) -> list[Path]:
        """Beside the json, in `images`, or in a folder called as the json, also one folder further up."""
        file = _the_json(path, "targets")
        beside, subset = file.parent, file.stem.removeprefix("instances_")
        places = [beside, beside / "images", beside.parent, beside.parent / "images"]
        return [*places, beside / subset, beside.parent / subset]


def jsons(path: Path) -> list[Path]:
    """The json files that a path may mean: itself, those in the folder, or in `annotations` where there are none."""
    if path.is_dir():
        return sorted(path.glob("*.json")) or sorted(path.glob("annotations/*.json"))
    return [path] if path.suffix.lower() == ".json" else []


def looks_like_coco(file: Path) -> bool:
    """Whether a json has the names of COCO's lists; of a large file only one of them stands near the beginning."""
    try:
        with file.open("rb") as opened:
            head = opened.read(_HEAD).replace(b"\0", b"")  # UTF-16 has one beside each letter
    except OSError:
        return False
    found = [name in head for name in _LISTS]
    return any(found) if len(head) >= _HEAD // 2 else found[0] and any(found[1:])


def _the_json(path: Path, role: Role) -> Path:
    if path.is_file():
        return path
    every = jsons(path)
    found = [file for file in every if looks_like_coco(file)] if len(every) > 1 else every
    if len(found) != 1:
        names = ", ".join(p.name for p in (found or every)[:10]) or "none"
        raise InputError(
            f"{path} should be a COCO json or a folder with exactly one (dataset.{role}); it holds: {names}. "
            f"Name the file: dataset.{role}=FILE.json."
        )
    return found[0]
