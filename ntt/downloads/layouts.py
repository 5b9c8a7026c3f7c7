"""What a dataset's folder should hold, and what it lacks."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from ntt.errors import InputError
from ntt.foreign.documents import read_object

_NAMED = 3


class Holding(Protocol):
    """Something that is there once an archive is unpacked."""

    def lack(self, root: Path) -> str | None:
        """What is missing under ``root`` in a few words; None where nothing is."""
        ...


@dataclass(frozen=True)
class FileHolding:
    """A file."""

    file: str

    def lack(self, root: Path) -> str | None:
        """See :class:`Holding`."""
        return None if (root / self.file).is_file() else f"{root / self.file} does not exist"


@dataclass(frozen=True)
class FolderHolding:
    """A folder with at least a number of files; systems and tools leave files of their own."""

    folder: str
    files: int

    def lack(self, root: Path) -> str | None:
        """See :class:`Holding`."""
        found = len(file_names(root / self.folder))
        return None if found >= self.files else f"{root / self.folder} holds {found} of {self.files} files"


@dataclass(frozen=True)
class ListHolding:
    """A text file of names, the first word of each line, and files for each of them.

    Attributes:
        names: the text file.
        count: names in it.
        each: patterns of the files that each name ``{}`` must have.
    """

    names: str
    count: int
    each: list[str]

    def lack(self, root: Path) -> str | None:
        """See :class:`Holding`."""
        try:
            names = [line.split()[0] for line in (root / self.names).read_text().splitlines() if line.strip()]
        except (OSError, UnicodeDecodeError):
            return f"{root / self.names} does not exist or cannot be read"
        if len(names) != self.count:
            return f"{root / self.names} names {len(names)} of {self.count} images"
        present = {pattern: file_names((root / pattern).parent) for pattern in self.each}
        missing = [
            pattern.format(name)
            for name in names
            for pattern in self.each
            if Path(pattern.format(name)).name not in present[pattern]
        ]
        return f"{root} lacks {enumerate_some(missing)}" if missing else None


def holding(description: dict[str, Any]) -> Holding:
    """A holding from its entry in datasets.yaml."""
    for kind, key in ((FileHolding, "file"), (FolderHolding, "folder"), (ListHolding, "names")):
        if key in description:
            made: Holding = kind(**description)
            return made
    raise ValueError(f"no holding: {description}")


def file_names(folder: Path) -> set[str]:
    """Names of the files directly in a folder; none where there is no folder."""
    try:
        with os.scandir(folder) as entries:
            return {entry.name for entry in entries if entry.is_file()}
    except (FileNotFoundError, NotADirectoryError):
        return set()


def enumerate_some(names: Iterable[str]) -> str:
    """The number of names and the first few: ``"4 files: a, b, c, ..."``."""
    listed = list(names)
    dots = ", ..." if len(listed) > _NAMED else ""
    return f"{len(listed)} file{'s' if len(listed) != 1 else ''}: {', '.join(listed[:_NAMED])}{dots}"


def check_annotations(path: Path, folders: list[Path]) -> int:
    """Read a COCO or LVIS json and find each of its images in one of ``folders``; returns how many there are.

    Raises:
        InputError: the json is missing, truncated or none, or images are missing: how many, and the first of them.
    """
    document = read_object(path, "remove it and fetch the dataset again")
    try:
        images = [_file_name(image) for image in document["images"]]
        len(document["annotations"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} is truncated or no COCO json: remove it and fetch the dataset again.") from error
    present = set().union(*(file_names(folder) for folder in folders))
    missing = [name for name in images if name not in present]
    if missing:
        places = " or ".join(map(str, folders))
        raise InputError(f"{places} lacks {enumerate_some(missing)}, which {path} lists: fetch the dataset again.")
    return len(images)


def _file_name(image: dict[str, Any]) -> str:
    # LVIS has only the address of the image in COCO.
    return PurePosixPath(image.get("file_name") or image["coco_url"]).name
