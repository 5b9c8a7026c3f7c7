"""A window's results as files: those of ``ntt predict`` over the same folder, with the same references, in one zip."""

from __future__ import annotations

import io
import json
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pycocotools import mask as coco_mask

from ntt.app.photos import Photo
from ntt.app.project import Example, Hit
from ntt.errors import InputError
from ntt.exports.dataset import coco_dataset
from ntt.exports.protocol import FoundObject, Scene, make_exporter
from ntt.exports.settings import formats

Results = Sequence[tuple[Photo, Sequence[Hit]]]


def as_zip(
    results: Results,
    categories: Mapping[int, str],
    examples: Sequence[Example],
    wanted: Sequence[str],
    threshold: float,
) -> bytes:
    """A zip of detections.json, predictions.json, references.json and exports/FORMAT/ for each format.

    Args:
        results: photographs that were looked at, with all their detections.
        categories: id -> name of the classes.
        examples: the references.
        wanted: further formats.
        threshold: lowest score in everything but predictions.json.

    Raises:
        InputError: a format is unknown.
    """
    for name in wanted:
        if name not in formats():
            raise InputError(f"{name} is no format that ntt writes: give some of {', '.join(formats())}.")
    # A person may have named a detection by a class that has no reference.
    ids = {name: identity for identity, name in categories.items()}
    for _, hits in results:
        for hit in hits:
            ids.setdefault(hit.name, 1 + max(ids.values()))
    names = list(ids)
    good = [(photo, [hit for hit in hits if hit.score >= threshold]) for photo, hits in results]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        _write(root / "predictions.json", list(_rows(results, ids)))
        images = [
            {"id": photo.number, "file_name": photo.name, "height": size[0], "width": size[1]}
            for photo, hits in good
            for size in [_size(photo, hits)]
        ]
        _write(
            root / "detections.json",
            coco_dataset(images, {number: name for name, number in ids.items()}, list(_rows(good, ids))),
        )
        if drawn := [one for one in examples if one.photo is not None]:
            _write(root / "references.json", references(drawn, categories))
        for name in wanted:
            exporter = make_exporter(name, root / "exports" / name, names, 1.0)
            for photo, hits in good:
                exporter.add(_scene(photo, hits, names))
            exporter.finish()
        return _zipped(root)


def references(examples: Sequence[Example], categories: Mapping[int, str]) -> dict[str, Any]:
    """The references as a COCO dataset, which ``ntt predict --references`` takes."""
    photos = {one.photo.id: one.photo for one in examples if one.photo is not None}
    ids = {name: identity for identity, name in categories.items()}
    numbers = {identity: number for number, identity in enumerate(photos, 1)}
    sizes = {one.photo.id: one.rle["size"] for one in examples if one.photo is not None and one.rle is not None}
    annotations = []
    for number, one in enumerate(examples, 1):
        assert one.photo is not None
        assert one.rle is not None
        x, y, width, height = map(float, coco_mask.toBbox(one.rle))
        annotations.append(
            {
                "id": number,
                "image_id": numbers[one.photo.id],
                "category_id": ids[one.reference.name],
                "bbox": [x, y, width, height],
                "area": float(coco_mask.area(one.rle)),
                "iscrowd": 0,
                "segmentation": one.rle,
            }
        )
    images = [
        {"id": numbers[identity], "file_name": photo.name, "height": sizes[identity][0], "width": sizes[identity][1]}
        for identity, photo in photos.items()
    ]
    classes = [{"id": identity, "name": name} for identity, name in categories.items()]
    return {"images": images, "categories": classes, "annotations": annotations}


def _rows(results: Results, ids: Mapping[str, int]) -> Any:
    for photo, hits in results:
        for hit in hits:
            x, y, width, height = map(int, coco_mask.toBbox(hit.rle))
            yield {
                "image_id": photo.number,
                "category_id": ids[hit.name],
                "bbox": [x, y, width - 1, height - 1],  # as the published results have it: both corners inside
                "segmentation": hit.rle,
                "score": hit.score,
            }


def _size(photo: Photo, hits: Sequence[Hit]) -> tuple[int, int]:
    if photo.height and photo.width:
        return photo.height, photo.width
    return tuple(hits[0].rle["size"]) if hits else (0, 0)


def _scene(photo: Photo, hits: Sequence[Hit], names: Sequence[str]) -> Scene:
    objects = [FoundObject(names.index(hit.name), hit.name, hit.score, hit.rle) for hit in hits]
    return Scene(photo.number, photo.name, photo.path, *_size(photo, hits), objects)


def _write(file: Path, value: Any) -> None:
    file.write_text(json.dumps(value, ensure_ascii=False) + "\n", encoding="utf-8")


def _zipped(root: Path) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(root.rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(root))
    return content.getvalue()
