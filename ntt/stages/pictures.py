"""The pictures of a run: found, or said to be missing, before any network."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ntt.config import user_path
from ntt.data.coco import CocoDataset, ImageRecord
from ntt.data.images import IMAGE_SUFFIXES
from ntt.data.pictures import Pictures, files_below
from ntt.data.settings import DatasetConfig
from ntt.errors import InputError

_NAMED = 10


def open_pictures(
    dataset: DatasetConfig, key: str, labels: CocoDataset, places: list[Path], used: list[ImageRecord]
) -> Pictures:
    """Find the pictures that a run uses.

    Args:
        dataset: says whether a folder is configured.
        key: `reference_images` or `target_images`.
        labels: the annotation file.
        places: folders in which they may be, where none is configured.
        used: images that the run may need; all of them are looked for, if they are not very many.

    Raises:
        InputError: the configured folder is none, two of the images have one file name, or none of them is found.
    """
    configured = getattr(dataset, key)
    if configured is not None:
        places = [user_path(configured), *(places if embedded(labels) else [])]
        if not places[0].is_dir():
            raise InputError(f"{places[0]} is not a folder (dataset.{key}): set dataset.root or dataset.{key}.")
    _refuse_shared_names(labels, used)
    names = [record.file_name for record in used]
    pictures = Pictures(places, [] if configured is not None else names)
    pictures.look_for(names)
    if names and len(pictures.missing) == len(set(names)):
        raise InputError(_none_found(labels, key, pictures, configured is not None))
    return pictures


def embedded(labels: CocoDataset) -> bool:
    """Whether pictures are inside of files with labels: these are where the labels are, whatever folder is named."""
    return any(record.file_name.lower().endswith(".json") for record in labels.images.values())


def _refuse_shared_names(labels: CocoDataset, used: Iterable[ImageRecord]) -> None:
    first: dict[str, ImageRecord] = {}
    for record in used:
        other = first.setdefault(record.file_name, record)
        if other is not record:
            raise InputError(
                f"{labels.path}: the images {other.id} and {record.id} have the same file_name {record.file_name!r}: "
                "give each picture a name of its own, such as the folder it came from before it."
            )


def _none_found(labels: CocoDataset, key: str, pictures: Pictures, configured: bool) -> str:
    name = next(iter(pictures.missing))
    looked = ", ".join(str(place) for place in pictures.places)
    there = next((f for f in files_below(pictures.folder) if f.suffix.lower() in IMAGE_SUFFIXES), None)
    held = f" The first picture there is {there}." if configured and there else ""
    return (
        f"{labels.path}: none of its {len(pictures.missing)} pictures was found. The first has file_name {name!r} and "
        f"was looked for in {looked}, also by the end of its path.{held} Set dataset.{key} to the folder that "
        "file_name counts from, or mend file_name."
    )


def notes(labels: CocoDataset, pictures: Pictures) -> list[str]:
    """Sentences about pictures that are missing, or lie elsewhere than their names say."""
    told = []
    if pictures.respelt:
        name, path = next(iter(pictures.respelt.items()))
        told.append(
            f"{labels.path}: {len(pictures.respelt)} pictures were found by the end of their path, the first: "
            f"file_name {name!r} is {path}"
        )
    if pictures.missing:
        shown = "; ".join(f"{name!r} ({reason})" for name, reason in list(pictures.missing.items())[:_NAMED])
        more = len(pictures.missing) - _NAMED
        told.append(
            f"{labels.path}: {len(pictures.missing)} pictures are missing in {pictures.folder}, others are there: "
            f"{shown}{f'; and {more} more' if more > 0 else ''}"
        )
    return told
