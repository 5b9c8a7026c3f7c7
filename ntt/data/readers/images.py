"""A folder of images without labels: targets that are segmented and not evaluated."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ntt.data.coco import CocoDataset, ImageRecord
from ntt.data.images import IMAGE_SUFFIXES, stored_size
from ntt.data.readers.protocol import DatasetReader, Role
from ntt.errors import InputError


class Reader(DatasetReader):
    """Every image below the folder; ids count from 1 in the order of names."""

    labelled = False

    def recognises(self, path: Path) -> bool:
        """A folder with at least one image in it or below it."""
        return path.is_dir() and next(_images(path), None) is not None

    def read(self, path: Path, role: Role) -> CocoDataset:
        """Sizes are those that the files state; 0 x 0 where they do not."""
        del role
        files = sorted(_images(path))
        if not files:
            kinds = ", ".join(sorted(IMAGE_SUFFIXES))
            raise InputError(f"{path} holds neither a json nor images ({kinds}): set dataset.targets.")
        images = {}
        for number, file in enumerate(files, start=1):
            height, width = stored_size(path / file) or (0, 0)
            images[number] = ImageRecord(number, file.as_posix(), height, width)
        return CocoDataset(path, "folder", images, [], {})


def _images(folder: Path) -> Iterator[Path]:
    for parent, _, names in os.walk(folder):
        for name in names:
            if Path(name).suffix.lower() in IMAGE_SUFFIXES:
                yield (Path(parent) / name).relative_to(folder)
