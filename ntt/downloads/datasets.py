"""Datasets with official archives: fetched, unpacked, linked from an existing copy, and checked."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from omegaconf import OmegaConf

from ntt.downloads.archives import unpack
from ntt.downloads.http import download
from ntt.downloads.layouts import Holding, check_annotations, holding
from ntt.downloads.settings import DownloadSettings
from ntt.errors import InputError

_CATALOGUE = Path(__file__).with_name("datasets.yaml")
# Existing copies of COCO often keep the image folders one level down; those of VOC its years without VOCdevkit, those
# of LVIS its files beside each other or in a folder of their own.
_PLACES = ("", "images")
_OF_FILES = ("lvis", "lvis/annotations")


@dataclass(frozen=True)
class Archive:
    """One official archive.

    Attributes:
        url: its address.
        size: bytes, None where unknown.
        sha256: hex digest, None where unknown.
        into: folder under the dataset's root that it is unpacked to.
        holds: what is there when it is unpacked.
    """

    url: str
    size: int | None
    sha256: str | None
    into: str
    holds: list[Holding]

    @property
    def name(self) -> str:
        """The file's own name."""
        return PurePosixPath(urlsplit(self.url).path).name

    def lacks(self, root: Path) -> list[str]:
        """What is missing of it under ``root``."""
        return [lack for part in self.holds if (lack := part.lack(root))]


@dataclass(frozen=True)
class Dataset:
    """A dataset of datasets.yaml, whose comments explain the fields."""

    name: str
    title: str
    licence: str
    root: Path
    archives: list[Archive]
    annotations: list[tuple[str, list[str]]]
    links: list[str]
    optional: list[str]
    instructions: str | None
    holds: list[Holding] = field(default_factory=list)

    @property
    def size(self) -> int | None:
        """Bytes to download, None where not all are known."""
        sizes = [archive.size for archive in self.archives]
        return sum(size for size in sizes if size is not None) if sizes and None not in sizes else None

    def lacks(self, root: Path) -> list[str]:
        """What is missing of it under ``root``."""
        by_hand = [lack for part in self.holds if (lack := part.lack(root))]
        return [lack for archive in self.archives for lack in archive.lacks(root)] + by_hand


def list_datasets(catalogue: Path = _CATALOGUE) -> dict[str, Dataset]:
    """The known datasets by name."""
    described = OmegaConf.to_container(OmegaConf.load(catalogue))
    assert isinstance(described, dict)
    return {str(name): _dataset(str(name), entry) for name, entry in described.items()}


def _dataset(name: str, entry: dict[str, Any]) -> Dataset:
    return Dataset(
        name=name,
        title=entry["title"],
        licence=entry["licence"],
        root=Path(entry["root"]),
        archives=[
            Archive(a["url"], a["size"], a["sha256"], a.get("into", "."), [holding(h) for h in a["holds"]])
            for a in entry["archives"]
        ],
        annotations=[(a["json"], a["images"]) for a in entry.get("annotations", [])],
        links=entry.get("links", []),
        optional=entry.get("optional", []),
        instructions=entry.get("instructions"),
        holds=[holding(h) for h in entry.get("holds", [])],
    )


def fetch_dataset(dataset: Dataset, root: Path, settings: DownloadSettings, keep: bool) -> None:
    """Download and unpack the archives of which something is missing under ``root``.

    Args:
        dataset: what to fetch.
        root: the folder it comes to lie in.
        settings: how to download.
        keep: leave the archives in ``root`` after unpacking.

    Raises:
        InputError: the dataset has no address, a download failed, or an archive is not what it should be.
    """
    if dataset.instructions is not None and dataset.lacks(root):
        raise InputError(f"{dataset.name} {dataset.instructions}.")
    for archive in dataset.archives:
        if not archive.lacks(root):
            continue
        whole = archive.name.endswith(".json")  # the file itself, in no archive
        file = (root / archive.into if whole else root) / archive.name
        file.parent.mkdir(parents=True, exist_ok=True)
        digest = download(archive.url, file, settings, archive.size, archive.sha256)
        # An archive that somebody else put there has not been checked on its way.
        if archive.sha256 is not None and digest != archive.sha256:
            raise InputError(
                f"{file} is damaged or another file: its sha256 is {digest}, not {archive.sha256}; remove it and "
                f"fetch again."
            )
        if not whole:
            unpack(file, root / archive.into)
        if lacks := archive.lacks(root):
            raise InputError(f"{file} was unpacked, but {lacks[0]}: the archive is not the official one.")
        if not keep and not whole:
            file.unlink()


def link_dataset(dataset: Dataset, root: Path, copy: Path) -> list[str]:
    """Show an existing, complete copy under ``root`` by symbolic links; returns what was linked.

    Raises:
        InputError: ``copy`` lacks something (the first of it is named), or something else is in the place of a link.
    """
    sources = {link: _place(copy, link) for link in dataset.links}
    missing = [link for link, source in sources.items() if source is None]
    if missing:
        raise InputError(
            f"{copy} holds no {dataset.name}: it lacks {', '.join(missing)}, there or under images/{_way(dataset)}."
        )
    sources |= {link: copy / link for link in dataset.optional if (copy / link).exists()}
    made = []
    for link, source in sources.items():
        assert source is not None
        place = root / link
        if place.resolve() == source.resolve():
            continue
        if os.path.lexists(place):
            raise InputError(f"{place} is in the way of a link to {source}: remove it or choose another --root.")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(source.resolve())
        made.append(link)
    if lacks := dataset.lacks(root):
        for link in made:
            (root / link).unlink()
        raise InputError(f"{copy} is no complete {dataset.name}: {lacks[0]}.")
    return made


def _place(copy: Path, link: str) -> Path | None:
    name = PurePosixPath(link).name
    places = [copy / place / link for place in _PLACES] + [copy / name]
    places += [copy / place / name for place in _OF_FILES if "." in name]
    return next((place for place in places if place.exists()), None)


def _way(dataset: Dataset) -> str:
    """How a dataset without addresses is got, as the end of a sentence."""
    return f"; {dataset.name} {dataset.instructions}" if dataset.instructions else ""


def verify_dataset(dataset: Dataset, root: Path) -> list[str]:
    """Check the layout, the annotation files and that every image they list is there; says what was found.

    Raises:
        InputError: something is missing or unreadable; the first of it is named.
    """
    if lacks := dataset.lacks(root):
        more = f" (and {len(lacks) - 1} more)" if len(lacks) > 1 else ""
        raise InputError(
            f"{dataset.name} is not complete: {lacks[0]}{more}; `ntt data fetch {dataset.name}`{_way(dataset)}."
        )
    return [
        f"{root / json}: {check_annotations(root / json, [root / folder for folder in folders])} images, all there"
        for json, folders in dataset.annotations
    ]
