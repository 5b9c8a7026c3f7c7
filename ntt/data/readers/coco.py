"""COCO and LVIS: one json with images, annotations and categories."""

from __future__ import annotations

from pathlib import Path

from ntt.data.coco import CocoDataset, read_coco
from ntt.data.readers.protocol import DatasetReader, Role
from ntt.errors import InputError

_LISTS = (b'"annotations"', b'"categories"', b'"images"')
_HEAD = 1 << 20  # bytes in which one of the lists begins: before them stand notes about licences at most


class Reader(DatasetReader):
    """A COCO json, or a folder that holds exactly one."""

    def recognises(self, path: Path) -> bool:
        """By the name of a list near its beginning."""
        return any(_looks_like_coco(file) for file in _jsons(path))

    def read(self, path: Path, role: Role) -> CocoDataset:
        """See :func:`ntt.data.coco.read_coco`; of targets, annotations of unlisted categories are left out."""
        return read_coco(_the_json(path, role), "refuse" if role == "references" else "count")

    def image_places(self, path: Path) -> list[Path]:
        """Beside the json, in `images`, or in a folder called as the json, also one folder further up."""
        file = _jsons(path)[0]
        beside, subset = file.parent, file.stem.removeprefix("instances_")
        places = [beside, beside / "images", beside.parent, beside.parent / "images"]
        return [*places, beside / subset, beside.parent / subset]


def _jsons(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(path.glob("*.json"))
    return [path] if path.suffix.lower() == ".json" else []


def _looks_like_coco(file: Path) -> bool:
    try:
        with file.open("rb") as opened:
            head = opened.read(_HEAD)
    except OSError:
        return False
    return any(name in head for name in _LISTS)


def _the_json(path: Path, role: Role) -> Path:
    if path.is_file():
        return path
    found = _jsons(path)
    if len(found) != 1:
        names = ", ".join(p.name for p in found) or "none"
        raise InputError(
            f"{path} should be a COCO json or a folder with exactly one (dataset.{role}); it holds: {names}. "
            f"Name the file: dataset.{role}=FILE.json."
        )
    return found[0]
