"""COCO and LVIS annotation files as plain records.

Values are taken as they are written; whether boxes and masks make sense is for ntt.data.soundness to tell.
"""

from __future__ import annotations

import codecs
import gc
import hashlib
import json
import math
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

from ntt.data.derived import Derived
from ntt.data.federated import Federated, read_federated
from ntt.data.values import (
    NO_BOX,
    read_area,
    read_box,
    read_crowd,
    read_impossible,
    read_points,
    read_segmentation,
    text_of,
    whole,
)
from ntt.errors import InputError
from ntt.foreign.parsing import parsing
from ntt.foreign.patience import PATIENCE

# pycocotools counts pixels in 32 bits, and so does whoever reads its masks.
_MOST_PIXELS = 2**31
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WHOLE = "is the download complete and unpacked?"


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """One image as its annotation file describes it; sizes in pixels, as annotated."""

    id: int
    file_name: str
    height: int
    width: int


@dataclass(frozen=True, slots=True)
class Annotation:
    """One annotated object.

    ``bbox`` is ``(x, y, width, height)`` in pixels of the annotated image, with ``x`` and ``y`` its left and
    top edges; ``NO_BOX`` where the file's is no box. ``segmentation`` is COCO's own: a list of polygons
    ``[x0, y0, x1, y1, ...]``, an RLE dict (compressed or not), or None where the file has a box only. ``area`` is
    in square pixels: the file's, else the box's where there is no mask, else NaN. ``isimpossible`` marks objects
    that nobody can make out: they are no references. ``points`` are clicks (x, y, 1 inside or 0
    outside): a reference without a mask gets one from them. ``faults`` has, by key, why a value could not be read.
    """

    id: int
    image_id: int
    category_id: int
    bbox: tuple[float, float, float, float]
    segmentation: dict[str, Any] | list[Any] | None
    area: float
    iscrowd: bool
    isimpossible: bool = False
    points: tuple[tuple[float, float, int], ...] = ()
    faults: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Semantic:
    """What measuring regions instead of objects has to know.

    ``masks`` says whose the regions are: "official", or "instances" where they are joined from objects. ``scored_as``
    has by category id the class that its pixels count for, where that is not its own name: an episode's. With
    ``one_way`` each category is looked for by itself, and only in the images that have it.
    """

    masks: str
    scored_as: Mapping[int, str] = field(default_factory=dict)
    one_way: bool = False


@dataclass(frozen=True, slots=True)
class CocoDataset:
    """An annotation file: ``images`` by id, ``annotations`` and ``categories`` (id -> name) in file order.

    ``unlisted`` counts the annotations that were left out by the category id that the file does not list. ``told`` are
    sentences about whatever else was left out. ``places`` says by annotation id where it stands, such as
    "cup.json: shapes[2]", where the ids are not the file's own. ``left_out`` are files that were seen
    and not used, with the reason. ``federated`` is what LVIS says beyond COCO, ``semantic`` what is
    to be known of regions. ``derived`` keeps what the points of a sweep derive of it.
    """

    path: Path
    sha256: str
    images: dict[int, ImageRecord]
    annotations: list[Annotation]
    categories: dict[int, str]
    unlisted: dict[int, int] = field(default_factory=dict)
    told: tuple[str, ...] = ()
    places: Mapping[int, str] = field(default_factory=dict)
    left_out: tuple[tuple[Path, str], ...] = ()
    federated: Federated | None = None
    semantic: Semantic | None = None
    derived: Derived = field(default_factory=Derived, init=False, repr=False, compare=False)


def read_coco(path: str | Path, unlisted: Literal["refuse", "count"] = "refuse") -> CocoDataset:
    """Read a COCO or LVIS json file; ``sha256`` is that of the very bytes that were parsed.

    Images without annotations are fine. LVIS images have no ``file_name``: it is the end of their ``coco_url``, folder
    and file, for images of one LVIS file lie in several of COCO's folders. ``iscrowd`` defaults to false. A box,
    segmentation, area or crowd mark that cannot be read is in the annotation's ``faults``.

    Args:
        path: the file.
        unlisted: what to do with annotations of categories that the file does not list: refuse the file, or leave
            them out and count them.

    Raises:
        InputError: the file is missing or no COCO json, an entry lacks an id or a name or has one of a wrong type,
            an id occurs twice, or an annotation points to an image that the file lacks ("refuse": or category).
    """
    path = Path(path)
    with _no_garbage_collection():
        return read_document(*_parse(path), path, unlisted)


def read_document(
    document: dict[str, Any], digest: str, path: Path, unlisted: Literal["refuse", "count"] = "refuse"
) -> CocoDataset:
    """What a COCO file says, already parsed; its lists are taken out of it. See :func:`read_coco`.

    Args:
        document: the file's contents.
        digest: of these.
        path: what messages call it.
        unlisted: as there.
    """
    with _no_garbage_collection():
        with parsing(lambda reason: InputError(f"{path}: its lists of checked classes are malformed ({reason})")):
            federated = read_federated(document)
        categories = dict(_entries(document, "categories", path, _category))
        if not categories:
            raise InputError(f"{path}: 'categories' is empty; list at least one category with id and name")
        images = dict(_entries(document, "images", path, _image))
        annotations = [annotation for _, annotation in _entries(document, "annotations", path, _annotation)]
    for annotation in annotations:
        if annotation.image_id not in images:
            raise _dangling(path, annotation.id, "image_id", annotation.image_id, "images")
    left_out = Counter(a.category_id for a in annotations if a.category_id not in categories)
    if left_out and unlisted == "refuse":
        first = next(a for a in annotations if a.category_id in left_out)
        raise _dangling(path, first.id, "category_id", first.category_id, "categories")
    if left_out:
        annotations = [a for a in annotations if a.category_id in categories]
    return CocoDataset(path, digest, images, annotations, categories, dict(left_out), federated=federated)


def _parse(path: Path) -> tuple[dict[str, Any], str]:
    with parsing(lambda reason: InputError(f"{path}: cannot be read ({reason}); check the path")):
        raw = PATIENCE.of(path.read_bytes)
    digest = hashlib.sha256(raw).hexdigest()
    with parsing(lambda reason: InputError(f"{path}: not a readable json file ({reason}); {_WHOLE}")):
        text = _decoded(raw, path)
        del raw  # Half a gigabyte for COCO's train2017, no longer needed at the peak.
        document = json.loads(text)
    if not isinstance(document, dict):
        raise InputError(f"{path}: not a COCO file: it holds no images, annotations and categories")
    return document, digest


def _decoded(raw: bytes, path: Path) -> str:
    """UTF-8, or UTF-16 and UTF-32 by their marks. Other letters are not guessed: a class would get another name."""
    for mark, encoding in _MARKS:
        if raw.startswith(mark):
            return raw.decode(encoding)
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: not a readable json file: byte {error.start} ({raw[error.start]:#04x}) is no UTF-8, its letters "
            "may be Latin-1, Windows' or Shift-JIS; save the file as UTF-8"
        ) from error


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """While millions of lists arrive, none of them garbage, the collector would walk them over and over."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


_Record = TypeVar("_Record")


def _entries(
    document: dict[str, Any], key: str, path: Path, read: Callable[[dict[str, Any]], _Record]
) -> Iterator[tuple[int, _Record]]:
    """Yield ``(id, record)`` for every entry of a top-level list, refusing ids that occur twice."""
    entries = document.pop(key, None)
    if not isinstance(entries, list):
        raise InputError(f"{path}: not a COCO file: it has no list {key!r}")
    seen: set[int] = set()
    for index, entry in enumerate(entries):
        try:
            identity = whole(entry["id"], "id")
            record = read(entry)
        except KeyError as error:
            raise InputError(f"{path}: {key}[{index}] has no {error}; add it to the file") from error
        except (TypeError, ValueError, OverflowError) as error:
            raise InputError(f"{path}: {key}[{index}] is malformed ({error}); mend the file") from error
        if identity in seen:
            raise InputError(f"{path}: {key}[{index}] repeats the id {identity}; ids must be unique")
        seen.add(identity)
        yield identity, record


def _category(entry: dict[str, Any]) -> str:
    name = unicodedata.normalize("NFC", text_of(entry["name"], "name")).strip()
    return text_of(name, "name")


def _image(entry: dict[str, Any]) -> ImageRecord:
    file_name = entry.get("file_name")
    if file_name is None and "coco_url" in entry:
        file_name = "/".join(text_of(entry["coco_url"], "coco_url").split("/")[-2:])
    if file_name is None:
        raise KeyError("file_name")
    height, width = whole(entry["height"], "height"), whole(entry["width"], "width")
    if height < 1 or width < 1:
        raise ValueError(f"height {height} and width {width} must be positive")
    if height * width > _MOST_PIXELS:
        raise ValueError(f"height {height} and width {width} are beyond {_MOST_PIXELS} pixels")
    return ImageRecord(int(entry["id"]), text_of(file_name, "file_name"), height, width)


def _annotation(entry: dict[str, Any]) -> Annotation:
    faults: dict[str, str] = {}

    def read(key: str, reader: Callable[[Any], _Record], default: _Record) -> _Record:
        try:
            return reader(entry.get(key))
        except ValueError as error:
            faults[key] = str(error)
            return default

    identity, image_id = entry["id"], whole(entry["image_id"], "image_id")
    bbox = read("bbox", read_box, NO_BOX)
    segmentation = read("segmentation", read_segmentation, None)
    area = read_area(entry.get("area"))
    if math.isnan(area) and segmentation is None and "segmentation" not in faults:
        area = bbox[2] * bbox[3]
    return Annotation(
        id=int(identity),
        image_id=image_id,
        category_id=whole(entry["category_id"], "category_id"),
        bbox=bbox,
        segmentation=segmentation,
        area=area,
        iscrowd=read("iscrowd", read_crowd, False),
        isimpossible=read("isimpossible", read_impossible, False),
        points=read("points", read_points, ()),
        faults=faults or None,
    )


def _dangling(path: Path, annotation_id: int, key: str, value: int, among: str) -> InputError:
    return InputError(
        f"{path}: annotation {annotation_id} has {key} {value}, which is not in {among!r}; "
        f"add it there or remove the annotation"
    )
