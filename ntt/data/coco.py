"""COCO and LVIS annotation files as plain records.

Values are taken as they are written; whether boxes and masks make sense is for ntt.data.soundness to tell.
"""

from __future__ import annotations

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

from ntt.errors import InputError
from ntt.foreign.parsing import parsing

# pycocotools counts pixels in 32 bits, and so does whoever reads its masks.
_MOST_PIXELS = 2**31
_LARGEST_ID = 2**63
_WHOLE = "is the download complete and unpacked?"

NO_BOX = (math.nan, math.nan, math.nan, math.nan)
"""The box of an annotation whose own cannot be read."""

_FLAGS = {"": 0, "0": 0, "0.0": 0, "false": 0, "no": 0, "1": 1, "1.0": 1, "true": 1, "yes": 1}


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
    that nobody can make out: they are no references. ``faults`` has, by key, why a value could not be read.
    """

    id: int
    image_id: int
    category_id: int
    bbox: tuple[float, float, float, float]
    segmentation: dict[str, Any] | list[Any] | None
    area: float
    iscrowd: bool
    isimpossible: bool = False
    faults: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class CocoDataset:
    """An annotation file: ``images`` by id, ``annotations`` and ``categories`` (id -> name) in file order.

    ``unlisted`` counts the annotations that were left out by the category id that the file does not list. ``told`` are
    sentences about whatever else was left out.
    """

    path: Path
    sha256: str
    images: dict[int, ImageRecord]
    annotations: list[Annotation]
    categories: dict[int, str]
    unlisted: dict[int, int] = field(default_factory=dict)
    told: tuple[str, ...] = ()


def read_coco(path: str | Path, unlisted: Literal["refuse", "count"] = "refuse") -> CocoDataset:
    """Read a COCO or LVIS json file; ``sha256`` is that of the very bytes that were parsed.

    Images without annotations are fine. LVIS images have no ``file_name``: it is the last part of their
    ``coco_url``. ``iscrowd`` defaults to false. A box, segmentation, area or crowd mark that cannot be read is in the
    annotation's ``faults``.

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
        document, digest = _parse(path)
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
    return CocoDataset(path, digest, images, annotations, categories, dict(left_out))


def _parse(path: Path) -> tuple[dict[str, Any], str]:
    with parsing(lambda reason: InputError(f"{path}: cannot be read ({reason}); check the path")):
        raw = path.read_bytes()
    digest = hashlib.sha256(raw).hexdigest()
    with parsing(lambda reason: InputError(f"{path}: not a readable json file ({reason}); {_WHOLE}")):
        text = raw.decode("utf-8-sig")
        del raw  # Half a gigabyte for COCO's train2017, no longer needed at the peak.
        document = json.loads(text)
    if not isinstance(document, dict):
        raise InputError(f"{path}: not a COCO file: it holds no images, annotations and categories")
    return document, digest


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
            identity = _whole(entry["id"], "id")
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
    name = unicodedata.normalize("NFC", _text(entry["name"], "name")).strip()
    return _text(name, "name")


def _image(entry: dict[str, Any]) -> ImageRecord:
    file_name = entry.get("file_name")
    if file_name is None and "coco_url" in entry:
        file_name = _text(entry["coco_url"], "coco_url").rsplit("/", 1)[-1]
    if file_name is None:
        raise KeyError("file_name")
    height, width = _whole(entry["height"], "height"), _whole(entry["width"], "width")
    if height < 1 or width < 1:
        raise ValueError(f"height {height} and width {width} must be positive")
    if height * width > _MOST_PIXELS:
        raise ValueError(f"height {height} and width {width} are beyond {_MOST_PIXELS} pixels")
    return ImageRecord(int(entry["id"]), _text(file_name, "file_name"), height, width)


def _annotation(entry: dict[str, Any]) -> Annotation:
    faults: dict[str, str] = {}

    def read(key: str, reader: Callable[[Any], _Record], default: _Record) -> _Record:
        try:
            return reader(entry.get(key))
        except ValueError as error:
            faults[key] = str(error)
            return default

    identity, image_id = entry["id"], _whole(entry["image_id"], "image_id")
    bbox = read("bbox", _box, NO_BOX)
    segmentation = read("segmentation", _segmentation, None)
    area = _area(entry.get("area"))
    if math.isnan(area) and segmentation is None and "segmentation" not in faults:
        area = bbox[2] * bbox[3]
    return Annotation(
        id=int(identity),
        image_id=image_id,
        category_id=_whole(entry["category_id"], "category_id"),
        bbox=bbox,
        segmentation=segmentation,
        area=area,
        iscrowd=read("iscrowd", _crowd, False),
        isimpossible=read("isimpossible", _impossible, False),
        faults=faults or None,
    )


def _box(value: Any) -> tuple[float, float, float, float]:
    if value is None:
        raise ValueError("it has no bbox")
    try:
        x, y, width, height = map(float, value)
        if math.isfinite(x + y + width + height):
            return x, y, width, height
    except (TypeError, ValueError, OverflowError):
        pass
    raise ValueError(f"its bbox {_shown(value)} is not four finite numbers [x, y, width, height]")


def _segmentation(value: Any) -> dict[str, Any] | list[Any] | None:
    if not value and not isinstance(value, bool):
        return None
    if isinstance(value, (dict, list)):
        return value
    raise ValueError(f"its segmentation {_shown(value)} is neither polygons nor an RLE")


def _area(value: Any) -> float:
    """The file's area; NaN where it has none that could be one."""
    try:
        area = math.nan if value is None else float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan
    return area if 0 < area < math.inf else math.nan


def _flag(key: str) -> Callable[[Any], bool]:
    """Reads a mark such as iscrowd: 0 and 1, also as texts."""

    def read(value: Any) -> bool:
        if value is None or value in (0, 1):
            return bool(value)
        if (text := str(value).strip().lower()) not in _FLAGS:
            raise ValueError(f"its {key} {_shown(value)} is neither 0 nor 1")
        return bool(_FLAGS[text])

    return read


_crowd, _impossible = _flag("iscrowd"), _flag("isimpossible")


def _shown(value: Any) -> str:
    """A value of the file as a message shows it, however long."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."


def _whole(value: object, key: str) -> int:
    if type(value) is float and value.is_integer() and abs(value) < 2**53:  # a table program's 7.0
        value = int(value)
    if type(value) is not int or abs(value) >= _LARGEST_ID:
        raise TypeError(f"{key} must be a whole number of 64 bits, not {_shown(value)}")
    return value


def _text(value: object, key: str) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError(f"{key} must be a text, not {_shown(value)}")
    if "\0" in value or (not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value)):
        raise ValueError(f"{key} {value!r:.40} has characters that no file can be named with")
    return value


def _dangling(path: Path, annotation_id: int, key: str, value: int, among: str) -> InputError:
    return InputError(
        f"{path}: annotation {annotation_id} has {key} {value}, which is not in {among!r}; "
        f"add it there or remove the annotation"
    )
