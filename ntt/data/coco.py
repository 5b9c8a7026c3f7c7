"""COCO and LVIS annotation files as plain records, and the mask of one annotation."""

from __future__ import annotations

import gc
import hashlib
import json
import math
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from ntt.data.segmentations import check_segmentation, segmentation_mask
from ntt.errors import InputError
from ntt.foreign.parsing import parsing

# pycocotools counts pixels in 32 bits, and so does whoever reads its masks.
_MOST_PIXELS = 2**31
_LARGEST_ID = 2**63
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
    top edges. ``segmentation`` is COCO's own: a list of polygons ``[x0, y0, x1, y1, ...]``, an RLE dict
    (compressed or not), or None where the file has a box only. ``area`` is in square pixels: the file's, or
    the box's where it has none. ``isimpossible`` marks objects that nobody can make out: they are no references.
    """

    id: int
    image_id: int
    category_id: int
    bbox: tuple[float, float, float, float]
    segmentation: dict[str, Any] | list[Any] | None
    area: float
    iscrowd: bool
    isimpossible: bool = False


@dataclass(frozen=True, slots=True)
class CocoDataset:
    """An annotation file: ``images`` by id, ``annotations`` and ``categories`` (id -> name) in file order.

    ``unlisted`` counts the annotations that were left out by the category id that the file does not list.
    """

    path: Path
    sha256: str
    images: dict[int, ImageRecord]
    annotations: list[Annotation]
    categories: dict[int, str]
    unlisted: dict[int, int] = field(default_factory=dict)


def read_coco(path: str | Path, unlisted: Literal["refuse", "count"] = "refuse") -> CocoDataset:
    """Read a COCO or LVIS json file; ``sha256`` is that of the very bytes that were parsed.

    Images without annotations are fine. LVIS images have no ``file_name``: it is the last part of their
    ``coco_url``. ``iscrowd`` defaults to false, ``area`` to the box's.

    Args:
        path: the file.
        unlisted: what to do with annotations of categories that the file does not list: refuse the file, or leave
            them out and count them.

    Raises:
        InputError: the file is missing or no COCO json, an entry lacks a key or has a value of a wrong type,
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


def annotation_mask(annotation: Annotation, height: int, width: int) -> NDArray[np.uint8]:
    """The annotation's mask, uint8 [H, W] of 0 and 1, for an image of ``height`` x ``width`` pixels.

    Polygons are rasterised by COCO's own rule; those with fewer than three points cover nothing.

    Raises:
        InputError: the annotation has no segmentation, it is malformed, or an RLE's size is not the image's.
    """
    if annotation.segmentation is None:
        raise InputError(
            f"annotation {annotation.id} has a box but no segmentation; give it one, or turn boxes into masks first"
        )
    with parsing(partial(_cannot_be_drawn, annotation, height, width)):
        return segmentation_mask(annotation.segmentation, height, width)


def check_drawable(annotation: Annotation, height: int, width: int) -> None:
    """See that evaluators can draw the annotation's segmentation, if it has one, without drawing it.

    Raises:
        InputError: it is malformed, or an RLE's size is not the image's. Evaluators do not look: they draw something
            else, or crash.
    """
    if annotation.segmentation is not None:
        with parsing(partial(_cannot_be_drawn, annotation, height, width)):
            check_segmentation(annotation.segmentation, height, width)


def _cannot_be_drawn(annotation: Annotation, height: int, width: int, reason: str) -> InputError:
    return InputError(
        f"annotation {annotation.id} has a segmentation that cannot be drawn on its {width}x{height} "
        f"image ({reason}); mend it or remove the annotation"
    )


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
    return _text(entry["name"], "name")


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
    return ImageRecord(entry["id"], _text(file_name, "file_name"), height, width)


def _annotation(entry: dict[str, Any]) -> Annotation:
    x, y, width, height = map(float, entry["bbox"])
    if not math.isfinite(x + y + width + height):
        raise ValueError(f"bbox {entry['bbox']} is not finite")
    segmentation = entry.get("segmentation") or None
    if segmentation is not None and not isinstance(segmentation, (dict, list)):
        raise TypeError(f"segmentation must be polygons or an RLE, not {segmentation!r:.40}")
    area = entry.get("area")
    area = width * height if area is None else float(area)
    if not math.isfinite(area):
        raise ValueError(f"area {area} is not finite")
    return Annotation(
        id=entry["id"],
        image_id=_whole(entry["image_id"], "image_id"),
        category_id=_whole(entry["category_id"], "category_id"),
        bbox=(x, y, width, height),
        segmentation=segmentation,
        area=area,
        iscrowd=bool(entry.get("iscrowd", 0)),
        isimpossible=bool(entry.get("isimpossible", 0)),
    )


def _whole(value: object, key: str) -> int:
    if type(value) is not int or abs(value) >= _LARGEST_ID:
        raise TypeError(f"{key} must be a whole number of 64 bits, not {value!r:.40}")
    return value


def _text(value: object, key: str) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError(f"{key} must be a text, not {value!r:.40}")
    if "\0" in value or (not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value)):
        raise ValueError(f"{key} {value!r:.40} has characters that no file can be named with")
    return value


def _dangling(path: Path, annotation_id: int, key: str, value: int, among: str) -> InputError:
    return InputError(
        f"{path}: annotation {annotation_id} has {key} {value}, which is not in {among!r}; "
        f"add it there or remove the annotation"
    )
