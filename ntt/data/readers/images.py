"""Images without labels, a folder of them or one file: targets that are segmented and not evaluated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from ntt.data.coco import CocoDataset, ImageRecord
from ntt.data.images import IMAGE_SUFFIXES, stored_size
from ntt.data.pictures import files_below
from ntt.data.readers.protocol import DatasetReader, Role
from ntt.errors import InputError

_NAMED = 10  # files that are left out
_OF_SYSTEMS = frozenset({"thumbs.db", "desktop.ini"})  # and whatever begins with a dot


class Reader(DatasetReader):
    """Every image below a folder, links followed, or one image; ids count from 1 in the order of names."""

    labelled = False

    def recognises(self, path: Path) -> bool:
        """An image, or a folder with at least one in it or below it."""
        if path.is_dir():
            return any(_is_image(file) for file in files_below(path))
        return _is_image(path)

    def read(self, path: Path, role: Role) -> CocoDataset:
        """Sizes are those that the files state; 0 x 0 where they do not. Files of other kinds are counted."""
        del role
        if not path.is_dir():
            return listed_images(path, path.parent, [path])
        every = [file for file in files_below(path) if not _of_the_system(file)]
        images = sorted(file for file in every if _is_image(file))
        if not images:
            kinds = ", ".join(sorted(IMAGE_SUFFIXES))
            raise InputError(f"{path} holds neither a COCO json nor images ({kinds}): set dataset.targets.")
        others = Counter(file.suffix.lower() or "no suffix" for file in every if not _is_image(file))
        told: tuple[str, ...] = ()
        if others:
            kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(others.items()))
            names = [str(file.relative_to(path)) for file in every if not _is_image(file)]
            more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
            shown = ", ".join(names[:_NAMED]) + more
            told = (f"{path}: {len(names)} files that are no images are left out ({kinds}): {shown}",)
        return listed_images(path, path, images, told)


def listed_images(source: Path, folder: Path, files: Sequence[Path], told: tuple[str, ...] = ()) -> CocoDataset:
    """The dataset of given image files, their names counted from `folder` where they are below it."""
    images = {}
    for number, file in enumerate(files, start=1):
        height, width = stored_size(file) or (0, 0)
        name = file.relative_to(folder) if file.is_relative_to(folder) else file.absolute()
        images[number] = ImageRecord(number, name.as_posix(), height, width)
    return CocoDataset(source, "folder", images, [], {}, told=told)


def _is_image(file: Path) -> bool:
    return file.suffix.lower() in IMAGE_SUFFIXES and not _of_the_system(file)


def _of_the_system(file: Path) -> bool:
    return file.name.startswith(".") or file.name.lower() in _OF_SYSTEMS
