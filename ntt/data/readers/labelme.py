"""labelme: a json an image, with its shapes; the image beside it or inside."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ntt.data.coco import CocoDataset
from ntt.data.collected import CollectedLabels, LabelledObject
from ntt.data.drawn_shapes import Point, circle_polygon, joined, mask_rle, rectangle_polygon
from ntt.data.embedded import embedded_bytes
from ntt.data.geometry import Segmentation
from ntt.data.images import IMAGE_SUFFIXES, stored_size
from ntt.data.pictures import Pictures, files_below
from ntt.data.polygons import FARTHEST
from ntt.data.readers.protocol import DatasetReader, Role
from ntt.errors import InputError, require_choice
from ntt.foreign.documents import parse_json
from ntt.foreign.parsing import one_line

_HEAD = 1 << 16
_NO_AREA = {
    "point": "points, which have no area,",
    "points": "points, which have no area,",
    "line": "lines, which have no area,",
    "linestrip": "lines, which have no area,",
}
_MEND = "mend it in labelme, or remove the file"


class Reader(DatasetReader):
    """A folder with one json an image, also in folders below it, or one such json.

    Polygons, rectangles, circles and masks become masks; points and lines are counted and left out. Shapes of one label
    with the same `group_id` are one object.

    Args:
        rectangles: "masks", or "boxes" where rectangles were drawn around objects instead of on them.
    """

    def __init__(self, rectangles: str = "masks") -> None:
        require_choice("dataset.format.rectangles", rectangles, ("masks", "boxes"))
        self._boxes = rectangles == "boxes"

    def recognises(self, path: Path) -> bool:
        """By the names of labelme's keys near the beginning of a json."""
        return any(_looks_like_labelme(file) for file in _jsons(path))

    def read(self, path: Path, role: Role) -> CocoDataset:
        """See the class. Images without a json are not labelled: they are counted and left out."""
        del role
        path = Path(os.path.normpath(path))
        root = path if path.is_dir() else path.parent
        labels = CollectedLabels(path, root)
        pictures = Pictures([root])
        described: set[Path] = set()
        for file in _jsons(path):
            if path.is_dir() and not _looks_like_labelme(file):
                labels.leave_out("json files that are not labelme's", labels.name_of(file))
                continue
            self._read_file(file, labels, pictures, described)
        if path.is_dir():
            for file in files_below(path):
                if file.suffix.lower() in IMAGE_SUFFIXES and file not in described:
                    labels.leave_out("images without a json", labels.name_of(file))
        return labels.dataset()

    def _read_file(self, file: Path, labels: CollectedLabels, pictures: Pictures, described: set[Path]) -> None:
        document = parse_json(labels.read(file), file, _MEND)
        if not isinstance(document, dict) or not isinstance(document.get("shapes"), list):
            raise InputError(f"{file}: it has no list 'shapes' as labelme's files have; {_MEND}")
        picture = _picture(file, document, pictures)
        if picture is not None:
            described.add(picture)
        elif not document.get("imageData"):
            labels.leave_out("json files whose image is missing, and not inside as imageData", _missing(file, document))
            return
        source = picture or file
        height, width = _size(file, document, source)
        name = labels.name_of(source)
        labels.image(name, height, width, str(file))
        for found in self._objects(file, document["shapes"], (height, width), labels):
            labels.add(name, found)

    def _objects(
        self, file: Path, shapes: list[Any], size: tuple[int, int], labels: CollectedLabels
    ) -> Iterator[LabelledObject]:
        """The objects of a file, parts joined, each where its first part stands."""
        groups: dict[tuple[str, Any], list[tuple[str, Any]]] = {}
        for index, shape in enumerate(shapes):
            place = f"{labels.name_of(file)}: shapes[{index}]"
            if not isinstance(shape, dict) or not isinstance(shape.get("label"), str) or not shape["label"].strip():
                raise InputError(f"{file}: shapes[{index}] has no label; {_MEND}")
            kind = shape.get("shape_type") or "polygon"
            if kind in _NO_AREA:
                labels.leave_out(_NO_AREA[kind], place)
                continue
            group = shape.get("group_id")
            key = ("alone", index) if group is None else ("group", str(group))
            groups.setdefault((shape["label"], key), []).append((place, shape))
        for (label, _), parts in groups.items():
            yield self._object(label, parts, size)

    def _object(self, label: str, parts: list[tuple[str, Any]], size: tuple[int, int]) -> LabelledObject:
        place = parts[0][0]
        if self._boxes and len(parts) == 1 and parts[0][1].get("shape_type") == "rectangle":
            try:
                xs, ys = zip(*_points(parts[0][1]), strict=True)
            except ValueError as error:
                return LabelledObject(label, place, fault=str(error))
            box = (min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys))
            return LabelledObject(label, place, box=box)
        drawn: list[Segmentation] = []
        for part_place, shape in parts:
            try:
                drawn.append(_segmentation(shape, size))
            except ValueError as error:
                where = "" if part_place == place else f"in its part {part_place}: "
                return LabelledObject(label, place, fault=f"{where}{error}")
        return LabelledObject(label, place, joined(drawn, *size))


def _jsons(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(file for file in files_below(path) if file.suffix.lower() == ".json")
    return [path] if path.suffix.lower() == ".json" else []


def _looks_like_labelme(file: Path) -> bool:
    try:
        with file.open("rb") as opened:
            head = opened.read(_HEAD)
            if b'"imageData"' in head and b'"shapes"' not in head:  # a long picture before them
                opened.seek(-min(_HEAD, file.stat().st_size), 2)
                head += opened.read()
    except OSError:
        return False
    return b'"shapes"' in head and any(key in head for key in (b'"imagePath"', b'"imageData"', b'"imageHeight"'))


def _picture(file: Path, document: dict[str, Any], pictures: Pictures) -> Path | None:
    """The image file of a json: as `imagePath` says from its folder, by the end of that path, or called as the json."""
    named = document.get("imagePath")
    if isinstance(named, str) and named:
        literal = file.parent / named.replace("\\", "/")
        if _is_file(literal):
            return Path(os.path.normpath(literal)) if ".." in literal.parts else literal
        beside = file.parent / named.replace("\\", "/").rsplit("/", 1)[-1]
        if _is_file(beside):
            return beside
        found = pictures.path(named)
        if named not in pictures.missing:
            return found
    same_stem = (file.with_suffix(suffix) for suffix in sorted(IMAGE_SUFFIXES))
    return next((other for other in same_stem if other.is_file()), None)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _missing(file: Path, document: dict[str, Any]) -> str:
    return f"{file} with imagePath {str(document.get('imagePath'))[:100]!r}"


def _size(file: Path, document: dict[str, Any], source: Path) -> tuple[int, int]:
    """(height, width) as the json has it, else as the picture's file."""
    height, width = document.get("imageHeight"), document.get("imageWidth")
    if height is None or width is None:
        stored = stored_size(source)
        if stored is None:
            raise InputError(f"{file}: it has no imageHeight and imageWidth, and {source} cannot be read; {_MEND}")
        return stored
    for key, value in (("imageHeight", height), ("imageWidth", width)):
        if not isinstance(value, (int, float)) or value != int(value) or not 0 < value < 2**20:
            raise InputError(f"{file}: {key} is {value!r:.40}, which is no number of pixels; {_MEND}")
    return int(height), int(width)


def _points(shape: dict[str, Any]) -> list[Point]:
    """A shape's points.

    Raises:
        ValueError: one is no pair of finite numbers.
    """
    given = shape.get("points")
    if not isinstance(given, list):
        raise ValueError("it has no list of points")
    points = []
    for index, point in enumerate(given):
        pair = isinstance(point, (list, tuple)) and len(point) == 2
        if not pair or not all(type(value) in (int, float) and abs(value) <= FARTHEST for value in point):
            raise ValueError(f"its points[{index}] is {point!r:.60}, not two numbers [x, y] of pixels")
        points.append((float(point[0]), float(point[1])))
    return points


def _segmentation(shape: dict[str, Any], size: tuple[int, int]) -> Segmentation:
    kind, points = shape.get("shape_type") or "polygon", _points(shape)
    if kind == "mask":
        return _mask(shape, points, size)
    if kind == "circle" and len(points) == 2:
        return [circle_polygon(*points)]
    if kind == "rectangle" and len(points) == 2:
        return [rectangle_polygon(*points)]
    if kind in ("polygon", "rectangle", "oriented_rectangle", "rotation") and len(points) > 2:
        return [[value for point in points for value in point]]
    if kind in ("polygon", "rectangle", "circle"):
        raise ValueError(f"it is a {kind} of {len(points)} points")
    raise ValueError(f"its shape_type {kind!r:.40} is none of polygon, rectangle, circle, mask, point, line, linestrip")


def _mask(shape: dict[str, Any], points: list[Point], size: tuple[int, int]) -> Segmentation:
    """A mask that labelme keeps as a picture of the part between two corners, both of them inside."""
    if len(points) != 2:
        raise ValueError(f"it is a mask of {len(points)} points, not of two corners")
    left, top = (round(value) for value in points[0])
    try:
        with Image.open(io.BytesIO(embedded_bytes({"imageData": shape.get("mask")}))) as image:
            part = np.asarray(image.convert("L"))
    except Exception as error:  # decoders raise whatever they happen to
        raise ValueError(f"its mask cannot be decoded ({one_line(error)})") from error
    height, width = size
    if left < 0 or top < 0 or top + part.shape[0] > height or left + part.shape[1] > width:
        raise ValueError(
            f"its mask of {part.shape[1]}x{part.shape[0]} at {left}, {top} leaves its {width}x{height} picture"
        )
    whole = np.zeros(size, dtype=np.uint8)
    whole[top : top + part.shape[0], left : left + part.shape[1]] = part != 0
    return mask_rle(whole)
