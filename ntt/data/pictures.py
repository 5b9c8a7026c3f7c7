"""Where the pictures of an annotation file are.

File names are written by programs on other machines: with backslashes, as URLs, as paths of a disk that is not here, in
another Unicode form or case than the files. A name is taken as it is written where there is such a file; else the one
file is meant whose path ends alike.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote, urlsplit

_SEVERAL = "several files are called so"
_MOST_FILES = 1_000_000  # in the folders that are searched
_OF_UPLOADS = re.compile("^[0-9a-f]{8}-")  # what Label Studio puts before the names of uploaded files
_SAMPLE = 50  # names by which the likeliest folder is found


class Pictures:
    """Finds files by their names in an annotation file; what was found is kept.

    Args:
        places: folders that names may count from, the likeliest first.
        names: some of the names, by which the first of the places is chosen: the one that has most of them.
    """

    def __init__(self, places: Sequence[Path], names: Sequence[str] = ()) -> None:
        every = list(dict.fromkeys(places))
        self._origin = every[0]
        some = names[:: max(1, len(names) // _SAMPLE)]
        if len(every) > 1:
            hits = [sum(_is_file(place / name) for name in some) for place in every]
            every.insert(0, every.pop(hits.index(max(hits))))
        self.places = every
        self._known: dict[str, Path] = {}
        self.respelt: dict[str, Path] = {}
        self.missing: dict[str, str] = {}

    @property
    def folder(self) -> Path:
        """The first of the places."""
        return self.places[0]

    def path(self, name: str) -> Path:
        """The picture's file; where a file would be, if it is missing."""
        if name not in self._known:
            self.look_for([name])
        return self._known[name]

    def look_for(self, names: Iterable[str]) -> None:
        """Find files. Two names that lead to one file only by their ends are both taken for missing."""
        unknown = [name for name in dict.fromkeys(names) if name not in self._known]
        guessed: dict[Path, list[str]] = {}
        for name in unknown:
            literal = next((place / name for place in self.places if _is_file(place / name)), None)
            self._known[name] = literal or self.folder / name
            if literal is None:
                found, reason = self._alike(name)
                if found is None:
                    self.missing[name] = reason
                else:
                    guessed.setdefault(found, []).append(name)
        for found, claimants in guessed.items():
            for name in claimants:
                if len(claimants) > 1:
                    self.missing[name] = f"{found} may be meant, but also by {_other(name, claimants)!r}"
                else:
                    self._known[name] = self.respelt[name] = found

    def _alike(self, name: str) -> tuple[Path | None, str]:
        """The file whose path ends most like a name; else why there is none."""
        parts = _parts(name)
        candidates = self._index.get(parts[-1], []) if parts else []
        if parts and not candidates:
            parts = (*parts[:-1], _OF_UPLOADS.sub("", parts[-1]))
            candidates = self._index.get(parts[-1], [])
        if not candidates:
            return None, "the file does not exist"
        shared = [_shared_end(parts, own) for own, _ in candidates]
        best = [path for (_, path), length in zip(candidates, shared, strict=True) if length == max(shared)]
        return (best[0], "") if len(best) == 1 else (None, _SEVERAL)

    @cached_property
    def _index(self) -> dict[str, list[tuple[tuple[str, ...], Path]]]:
        """By the plain form of a file's name: the plain parts of its path, and the path itself."""
        index: dict[str, list[tuple[tuple[str, ...], Path]]] = {}
        for number, path in enumerate(self._files()):
            if number == _MOST_FILES:
                break
            parts = _parts(str(path), literal=True)
            index.setdefault(parts[-1], []).append((parts, path))
        return index

    def _files(self) -> Iterator[Path]:
        """All files below the places; not of one above the folder of the annotations, which may be a whole disk."""
        searched: set[Path] = set()
        resolved = [place.resolve() for place in self.places]
        for place, real in zip(self.places, resolved, strict=True):
            above = real in self._origin.resolve().parents
            if real in searched or above or searched & set(real.parents) or not place.is_dir():
                continue
            searched.add(real)
            yield from files_below(place)


def files_below(folder: Path) -> Iterator[Path]:
    """Every file in a folder and below it, by name; links to folders are followed, each folder is entered once."""
    entered = {_identity(folder)}
    for parent, folders, names in os.walk(folder, followlinks=True):
        here = Path(parent)
        kept = []
        for name in sorted(folders):
            identity = _identity(here / name)
            if identity not in entered:
                entered.add(identity)
                kept.append(name)
        folders[:] = kept
        for name in sorted(names):
            yield here / name


def _identity(folder: Path) -> tuple[int, int] | str:
    try:
        status = folder.stat()
    except OSError:
        return str(folder)
    return status.st_dev, status.st_ino


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that is too long, or holds a zero byte
        return False


def _parts(name: str, literal: bool = False) -> tuple[str, ...]:
    """The parts of a path in a plain form: one Unicode form, one case, without what only another machine knows."""
    text = name
    if not literal:
        if re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", text):
            text = urlsplit(text).path
        text = re.sub(r"^[A-Za-z]:", "", text.replace("\\", "/"))
        text = unquote(text)
    plain = unicodedata.normalize("NFC", text).casefold()
    return tuple(part for part in plain.split("/") if part not in ("", ".", ".."))


def _shared_end(one: tuple[str, ...], other: tuple[str, ...]) -> int:
    """How many parts at their ends are the same."""
    shared = 0
    while shared < min(len(one), len(other)) and one[-1 - shared] == other[-1 - shared]:
        shared += 1
    return shared


def _other(name: str, claimants: list[str]) -> str:
    return next(other for other in claimants if other != name)
