"""Which formats there are, and which one a path is in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

from hydra.utils import get_class

from ntt.data.coco import CocoDataset
from ntt.data.pictures import files_below
from ntt.data.readers import fitted, images
from ntt.data.readers.protocol import DatasetReader, Role
from ntt.errors import InputError, NothingLabelled
from ntt.fitted.files import is_model
from ntt.store.code import SourceDigests

AUTO = "auto"
_NOT_FOLDERS = ("drawn", "fitted")
_NOT_FORMATS = ("__init__", "catalogue", "protocol")

Format = str | Mapping[str, Any]
"""`dataset.format`: auto, the name of a format, or a class of one's own as `_target_` with its options."""


@dataclass(frozen=True)
class Labels:
    """What was read.

    Attributes:
        dataset: images, objects and classes.
        labelled: False where there are images only.
        image_places: folders in which the images may be, the likeliest first.
        format: its name, as `dataset.format` has it.
        by_role: whether the same path read for the other role is something else.
    """

    dataset: CocoDataset
    labelled: bool
    image_places: list[Path]
    format: str
    by_role: bool = False


def formats() -> list[str]:
    """The names of all formats: of the files beside this one."""
    return sorted(file.stem for file in Path(__file__).parent.glob("*.py") if file.stem not in _NOT_FORMATS)


def make_reader(given: Format) -> DatasetReader:
    """The reader of a format that is named.

    Raises:
        InputError: there is no such format, or its class does not take these options.
    """
    if isinstance(given, str):
        if given not in formats():
            raise InputError(f"dataset.format={given} is unknown: give one of auto, {', '.join(formats())}.")
        named: DatasetReader = import_module(f"ntt.data.readers.{given}").Reader()
        return named
    options = dict(given)
    target = str(options.pop("_target_"))
    try:
        reader: DatasetReader = get_class(target)(**options)
    except TypeError as error:
        raise InputError(f"dataset.format: {target} cannot be made of these options ({error}).") from error
    return reader


def choose_reader(given: Format, path: Path, role: Role) -> DatasetReader:
    """The reader of `path`.

    A folder of targets that holds images and no labels of the format is read as images.

    Raises:
        InputError: no format or several fit.
    """
    if role == "references" and is_model(path):
        return fitted.Reader()  # whatever the format of the targets is
    if given != AUTO:
        reader = make_reader(given)
        if role == "targets" and not reader.recognises(path) and images.Reader().recognises(path):
            return images.Reader()
        return reader
    readers = {name: make_reader(name) for name in formats()}
    fitting = {name: reader for name, reader in readers.items() if reader.labelled and reader.recognises(path)}
    general = [name for name, one in fitting.items() if any(_is_special(other, one) for other in fitting.values())]
    for name in general:
        del fitting[name]
    if len(fitting) > 1:
        raise InputError(f"{path} (dataset.{role}) may be {' or '.join(fitting)}: say which with dataset.format=NAME.")
    if fitting:
        return next(iter(fitting.values()))
    if role == "targets" and readers["images"].recognises(path):
        return readers["images"]
    if path.is_dir() and not list(path.glob("*.json")):
        labelled = ", ".join(name for name, reader in readers.items() if reader.labelled and name not in _NOT_FOLDERS)
        raise InputError(
            f"{path} (dataset.{role}) holds no labels of a known format ({labelled}): see docs/my_own_objects.md for "
            f"what a folder of each looks like, or name the file{_deeper(path, readers, role)}."
        )
    return readers["coco"]  # which says what it misses


def _is_special(one: DatasetReader, other: DatasetReader) -> bool:
    """Whether one's format is a special case of the other's."""
    return type(one) is not type(other) and isinstance(one, type(other))


def _deeper(path: Path, readers: Mapping[str, DatasetReader], role: Role) -> str:
    """A folder in this one that would do, as the end of a sentence."""
    for folder in sorted(path.iterdir()):
        fitting = [n for n, r in readers.items() if folder.is_dir() and r.labelled and r.recognises(folder)]
        if fitting:
            return f"; {folder.name} in it looks like {fitting[0]}: dataset.{role}={folder}"
    return ""


def read_labels(given: Format, path: Path, role: Role) -> Labels:
    """What a path holds; read once for all points of a sweep that run in this process.

    Args:
        given: `dataset.format`.
        path: `dataset.references` or `dataset.targets`.
        role: which of the two.

    Raises:
        InputError: nothing can be made of it.
    """
    return _read_unchanged(json.dumps(given, sort_keys=True), path, role, _stamp(path))


@lru_cache(maxsize=2)
def _read_unchanged(given: str, path: Path, role: Role, stamp: tuple[object, ...]) -> Labels:
    del stamp  # part of the cache's key only
    reader = choose_reader(json.loads(given), path, role)
    try:
        dataset = reader.read(path, role)
    except NothingLabelled:
        # Programs put a file beside each image that they ever opened: the images are targets all the same.
        reader_of_images = images.Reader()
        if json.loads(given) != AUTO or role != "targets" or not reader_of_images.recognises(path):
            raise
        reader, dataset = reader_of_images, reader_of_images.read(path, role)
    if json.loads(given) not in (AUTO, *formats()):  # what a reader's options or source change is another artifact
        source = SourceDigests().own(type(reader))
        dataset = replace(dataset, sha256=hashlib.sha256(f"{dataset.sha256} {given} {source}".encode()).hexdigest())
    return Labels(dataset, reader.labelled, reader.image_places(path), _name(reader), reader.by_role)


def _name(reader: DatasetReader) -> str:
    """What a format is called: a file of ours by its name, a class of somebody else's by its own."""
    module = type(reader).__module__
    return module.rpartition(".")[2] if module.startswith(f"{__package__}.") else type(reader).__name__


def _stamp(path: Path) -> tuple[object, ...]:
    """Names, sizes and times of all files: what tells that nothing changed since the labels were read."""
    if path.suffix.lower() in (".yaml", ".yml"):  # it names others anywhere: read again each time
        return (object(),)
    files = list(files_below(path)) if path.is_dir() else [path]
    states = ((file, file.stat()) for file in files if file.exists())
    return tuple((str(file), state.st_size, state.st_mtime_ns) for file, state in states)
