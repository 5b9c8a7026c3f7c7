"""Unpack zip and tar files that somebody else made, without trusting a single name or size in them."""

from __future__ import annotations

import os
import shutil
import stat
import tarfile
import unicodedata
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Any

from ntt.downloads.parts import READABLE_BY_ALL
from ntt.errors import InputError
from ntt.foreign.parsing import parsing
from ntt.screen.transfers import Report, format_size, track_bytes

_CHUNK = 1 << 20
# Text of many zeros compresses a thousandfold, and is then worth a look; annotation files about tenfold.
_LARGEST_RATIO = 200
# What a small archive may unpack to whatever its ratio.
_ALWAYS_ALLOWED = 1 << 26
_MOST_ENTRIES = 5_000_000


@dataclass(frozen=True)
class _Member:
    """One regular file of an archive: where it may go, and what the archive says of its size."""

    path: PurePosixPath
    size: int
    entry: zipfile.ZipInfo | tarfile.TarInfo


def unpack(archive: Path, target: Path) -> None:
    """Unpack the files of ``archive`` under the folder ``target``; all of them, or none where a name is bad.

    Every name is checked before the first byte is written, and the files come to lie in a temporary folder inside
    ``target`` first, from which they are moved when complete. Permissions, owners and times of the archive are not
    taken over. A file that is already there is replaced.

    Raises:
        InputError: the archive is damaged or neither zip nor tar; it holds an absolute path, ``..``, a drive
            letter, a link, a device, an encrypted file or two names for one file; it unpacks to far more than its
            own size or than the disk has room for; a link inside ``target`` leads out of it.
    """
    archive, target = archive.resolve(), target.resolve()
    target.mkdir(parents=True, exist_ok=True)
    staging = target / f".unpacking-{archive.name}"
    shutil.rmtree(staging, ignore_errors=True)
    try:
        with _opened(archive) as source:
            with parsing(partial(_damaged, archive)):
                entries = list(_entries(source, archive))
            members = _checked(archive, entries)
            _check_room(archive, target, members)
            with track_bytes(f"unpacking {archive.name}") as report:
                _extract(archive, source, members, staging, report)
        _move_in(staging, target)
    except OSError as error:
        raise InputError(f"{archive} cannot be unpacked to {target}: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _opened(archive: Path) -> zipfile.ZipFile | tarfile.TarFile:
    with parsing(lambda _: InputError(f"{archive} is neither a zip nor a tar file, or damaged: fetch it again.")):
        return zipfile.ZipFile(archive) if zipfile.is_zipfile(archive) else tarfile.open(archive)


def _damaged(archive: Path, reason: str) -> InputError:
    return InputError(f"{archive} is damaged ({reason}): fetch it again.")


def _entries(source: zipfile.ZipFile | tarfile.TarFile, archive: Path) -> Iterator[_Member]:
    """The regular files; folders follow from their paths."""
    entries: Iterable[Any] = source.infolist() if isinstance(source, zipfile.ZipFile) else source
    for number, entry in enumerate(entries):
        if number >= _MOST_ENTRIES:
            raise InputError(f"{archive} is refused: it holds more than {_MOST_ENTRIES} entries.")
        name, kind, size = _described(entry)
        path = _safe_path(archive, name)
        if kind == "folder":
            continue
        if kind != "file":
            raise InputError(f"{archive} is refused: {name!r} in it is a {kind}, where only files and folders may be.")
        yield _Member(path, size, entry)


def _described(entry: zipfile.ZipInfo | tarfile.TarInfo) -> tuple[str, str, int]:
    """Name, kind ("file", "folder" or what it is instead) and size of an entry."""
    if isinstance(entry, tarfile.TarInfo):
        tests = {"file": entry.isreg, "folder": entry.isdir, "symbolic link": entry.issym, "hard link": entry.islnk}
        return entry.name, next((kind for kind, holds in tests.items() if holds()), "device"), entry.size
    # orig_filename is what stands in the file: zipfile's own filename ends at the first NUL.
    mode = stat.S_IFMT(entry.external_attr >> 16)
    if entry.flag_bits & 1:
        kind = "encrypted file"
    elif mode == stat.S_IFLNK:
        kind = "symbolic link"
    elif mode not in (0, stat.S_IFREG, stat.S_IFDIR):
        kind = "device"
    else:
        kind = "folder" if entry.is_dir() else "file"
    return entry.orig_filename, kind, entry.file_size


def _safe_path(archive: Path, name: str) -> PurePosixPath:
    """The path relative to the target. Backslashes and colons are separators and drives to one system or another."""
    path = PurePosixPath(name)
    outside = path.is_absolute() or ".." in path.parts or "\\" in name or ":" in (path.parts or ("",))[0]
    if outside or "\0" in name:
        raise InputError(f"{archive} is refused: {name!r} in it leads out of the folder it is unpacked to.")
    return path


def _checked(archive: Path, members: list[_Member]) -> list[_Member]:
    """The members, none of which is another's twin or folder on any file system."""
    seen: dict[str, PurePosixPath] = {}
    folders: dict[str, PurePosixPath] = {}
    for member in members:
        if not member.path.parts:
            raise InputError(f"{archive} is refused: a file in it has no name.")
        key = _folded(member.path)
        if key in seen:
            raise InputError(f"{archive} is refused: {member.path} and {seen[key]} in it would be one file.")
        seen[key] = member.path
        for parent in member.path.parents:
            folders.setdefault(_folded(parent), member.path)
    for key, path in seen.items():
        if key in folders:
            raise InputError(f"{archive} is refused: {path} in it is a file, and the folder of {folders[key]}.")
    return members


def _folded(path: PurePosixPath) -> str:
    """Equal for names that a file system without case, or with its own idea of accents, holds equal."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", str(path)).casefold())


def _check_room(archive: Path, target: Path, members: list[_Member]) -> None:
    total = sum(member.size for member in members)
    packed = archive.stat().st_size
    if total > max(_ALWAYS_ALLOWED, _LARGEST_RATIO * packed):
        raise InputError(
            f"{archive} is refused: {format_size(packed)} would become {format_size(total)}, which no honest archive "
            "of images or annotations does."
        )
    free = shutil.disk_usage(target).free
    if total > free:
        raise InputError(f"{archive} needs {format_size(total)} at {target}, which has {format_size(free)} left.")


def _extract(
    archive: Path, source: zipfile.ZipFile | tarfile.TarFile, members: list[_Member], staging: Path, report: Report
) -> None:
    done, total = 0, sum(member.size for member in members)
    report(0, total)
    refusal = partial(_damaged, archive)
    for member in members:
        place = staging / member.path
        place.parent.mkdir(parents=True, exist_ok=True)
        written = 0
        with parsing(refusal):
            content = _content(source, member.entry)
        with content, place.open("xb") as file:
            # No further than announced: sizes in an archive may lie.
            while piece := _read(content, min(_CHUNK, member.size - written + 1), refusal):
                written += len(piece)
                if written > member.size:
                    raise InputError(f"{archive} is refused: {member.path} in it is larger than the archive says.")
                file.write(piece)
        if written < member.size:
            raise InputError(f"{archive} is damaged: {member.path} in it is cut off; fetch it again.")
        place.chmod(READABLE_BY_ALL)
        done += written
        report(done, total)


def _content(source: zipfile.ZipFile | tarfile.TarFile, entry: zipfile.ZipInfo | tarfile.TarInfo) -> IO[bytes]:
    if isinstance(source, zipfile.ZipFile):
        assert isinstance(entry, zipfile.ZipInfo)
        return source.open(entry)
    assert isinstance(entry, tarfile.TarInfo)
    content = source.extractfile(entry)
    assert content is not None  # only None for what is no regular file
    return content


def _read(content: IO[bytes], size: int, refusal: Callable[[str], InputError]) -> bytes:
    # Apart from the writing, whose errors mean the disk.
    with parsing(refusal):
        return content.read(size)


def _move_in(staging: Path, target: Path) -> None:
    """Move the unpacked files to their places; a folder that is not there yet moves whole."""
    for entry in sorted(os.scandir(staging), key=lambda e: e.name) if staging.is_dir() else ():
        _move(Path(entry.path), target / entry.name, target)


def _move(source: Path, place: Path, target: Path) -> None:
    if not place.resolve().is_relative_to(target):
        raise InputError(f"{place} is a link that leads out of {target}: remove it, or unpack elsewhere.")
    if source.is_dir() and place.is_dir():
        for entry in sorted(os.scandir(source), key=lambda e: e.name):
            _move(Path(entry.path), place / entry.name, target)
    elif source.is_dir() != place.is_dir() and place.exists():
        raise InputError(f"{place} is in the way of what should be unpacked there: remove it.")
    else:
        source.replace(place)
