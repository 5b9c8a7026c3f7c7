"""Images without labels: a folder of them, one file, or a list of files; they are segmented and not evaluated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from ntt.data.coco import CocoDataset, ImageRecord
from ntt.data.images import IMAGE_SUFFIXES, stored_size
from ntt.data.pictures import files_below
from ntt.data.plugins import HEIC_SUFFIXES, VIDEO_SUFFIXES, WITHOUT_HEIC, reads_heic
from ntt.data.readers.protocol import DatasetReader, Role
from ntt.errors import InputError

_NAMED = 10  # files that are left out
_OF_SYSTEMS = frozenset({"thumbs.db", "desktop.ini"})  # and whatever begins with a dot
_LIST = "images.txt"
_OTHER = "no image by its suffix"


class Reader(DatasetReader):
    """Every image below a folder, links followed, one image, or those of a list called images.txt, a path a line.

    Ids count from 1, in a folder in the order of names.
    """

    labelled = False

    def recognises(self, path: Path) -> bool:
        """An image, a folder with at least one in it or below it, or a list."""
        if path.is_dir():
            return any(_is_image(file) for file in files_below(path))
        return path.name == _LIST or _is_image(path)

    def read(self, path: Path, role: Role) -> CocoDataset:
        """Sizes are those that the files state; 0 x 0 where they do not. Files of other kinds are counted."""
        del role
        if path.is_dir():
            every = [file for file in files_below(path) if not _of_the_system(file)]
            folder = path
        elif path.name == _LIST:
            every = [Path(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
            folder = _common(every) if every else path.parent
        else:
            every, folder = [path], path.parent
        images = [file for file in every if _is_image(file)]
        if path.name != _LIST:
            images.sort()
        left_out = [(file, _why_not(file)) for file in every if not _is_image(file)]
        if not images:
            kinds = ", ".join(sorted(IMAGE_SUFFIXES))
            first = f"; {left_out[0][0].name}: {left_out[0][1]}" if left_out else ""
            raise InputError(f"{path} holds neither a COCO json nor images ({kinds}{first}): set dataset.targets.")
        return listed_images(path, folder, images, left_out)

    def image_places(self, path: Path) -> list[Path]:
        """The folder that names count from."""
        if path.name == _LIST:
            return [_common([Path(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()])]
        return super().image_places(path)


def listed_images(
    source: Path, folder: Path, files: Sequence[Path], left_out: Sequence[tuple[Path, str]] = ()
) -> CocoDataset:
    """The dataset of given image files, their names counted from `folder` where they are below it."""
    images = {}
    for number, file in enumerate(files, start=1):
        height, width = stored_size(file) or (0, 0)
        name = file.relative_to(folder) if file.is_relative_to(folder) else file.absolute()
        images[number] = ImageRecord(number, name.as_posix(), height, width)
    told: tuple[str, ...] = ()
    if left_out:
        others = Counter(file.suffix.lower() or "no suffix" for file, _ in left_out)
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(others.items()))
        names = [str(file.relative_to(folder) if file.is_relative_to(folder) else file) for file, _ in left_out]
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        shown = ", ".join(names[:_NAMED]) + more
        told = (f"{source}: {len(names)} files that are no images are left out ({kinds}): {shown}",)
        told += tuple(f"{source}: {reason}" for reason in sorted({why for _, why in left_out if why != _OTHER}))
    return CocoDataset(source, "folder", images, [], {}, told=told, left_out=tuple(left_out))


def _common(files: Sequence[Path]) -> Path:
    """The innermost folder that holds all of them."""
    shared = files[0].parent
    while not all(file.is_relative_to(shared) for file in files):
        shared = shared.parent
    return shared


def _is_image(file: Path) -> bool:
    suffix = file.suffix.lower()
    known = suffix in IMAGE_SUFFIXES or (suffix in HEIC_SUFFIXES and reads_heic())
    return known and not _of_the_system(file)


def _why_not(file: Path) -> str:
    suffix = file.suffix.lower()
    if suffix in VIDEO_SUFFIXES:
        return "a video; `ntt predict --images VIDEO` takes one alone, frame by frame"
    return WITHOUT_HEIC if suffix in HEIC_SUFFIXES else _OTHER


def _of_the_system(file: Path) -> bool:
    return file.name.startswith(".") or file.name.lower() in _OF_SYSTEMS
