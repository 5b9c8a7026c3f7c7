"""One small world of labelled pictures, written in every format that is read."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from PIL import Image
from written_masks import (
    write_cvat_segmentation,
    write_map_8_bit,
    write_map_16_bit,
    write_map_of_colours,
    write_masks_by_class,
    write_masks_by_picture,
    write_masks_flat,
)
from written_world import World, box_of, rle, save_pictures


def coco_document(world: World, polygons: bool, first: int = 1, prefix: str = "") -> dict[str, Any]:
    """`first`: the id of the first category; `prefix`: of the file names."""
    category = {name: number for number, name in enumerate(world.names, start=first)}
    images, annotations = [], []
    for image_id, name in enumerate(sorted(world.pictures), start=1):
        height, width = world.pictures[name].shape[:2]
        images.append({"id": image_id, "file_name": prefix + name, "height": height, "width": width})
        for one in world.objects[name]:
            x1, y1, x2, y2 = box_of(one.mask)
            box: list[float] = [x1, y1, x2 - x1, y2 - y1]
            if polygons:
                points = np.concatenate([np.reshape(shape, (-1, 2)) for shape in one.polygons or []])
                box = [*points.min(axis=0).tolist(), *np.ptp(points, axis=0).tolist()]
            entry = {"id": len(annotations) + 1, "image_id": image_id, "category_id": category[one.name], "bbox": box}
            entry |= {"area": int(one.mask.sum()), "iscrowd": 0}
            annotations.append({**entry, "segmentation": one.polygons if polygons else rle(one.mask)})
    categories = [{"id": number, "name": name} for name, number in category.items()]
    return {"images": images, "annotations": annotations, "categories": categories}


def write_coco(world: World, folder: Path, polygons: bool = True) -> Path:
    save_pictures(world, folder)
    (folder / "refs.json").write_text(json.dumps(coco_document(world, polygons)))
    return folder


def write_labelme(world: World, folder: Path) -> Path:
    """Objects of several polygons become parts of one group; the paths are those of a Windows machine."""
    save_pictures(world, folder)
    for name, pixels in world.pictures.items():
        shapes = []
        for group, one in enumerate(world.objects[name]):
            for polygon in one.polygons or []:
                points = np.reshape(polygon, (-1, 2)).tolist()
                several = len(one.polygons or []) > 1
                shapes.append({"label": one.name, "points": points, "group_id": group if several else None})
                shapes[-1] |= {"shape_type": "polygon", "flags": {}}
        document = {"version": "5.4.1", "flags": {}, "shapes": shapes, "imagePath": f"C:\\Users\\me\\labels\\{name}"}
        document |= {"imageData": None, "imageHeight": pixels.shape[0], "imageWidth": pixels.shape[1]}
        (folder / name).with_suffix(".json").write_text(json.dumps(document))
    return folder


def write_labelme_inside(world: World, folder: Path) -> Path:
    """With each picture inside its json and nowhere else; the json is called as the picture."""
    write_labelme(world, folder)
    for name in world.pictures:
        json_file = (folder / name).with_suffix(".json")
        document = json.loads(json_file.read_text())
        document["imageData"] = base64.b64encode((folder / name).read_bytes()).decode()
        json_file.write_text(json.dumps(document))
        (folder / name).unlink()
    return folder


def write_yolo(world: World, folder: Path) -> Path:
    """Ultralytics' layout; objects of several polygons are not for this format."""
    save_pictures(world, folder / "images" / "train")
    (folder / "labels" / "train").mkdir(parents=True)
    for name, pixels in world.pictures.items():
        height, width = pixels.shape[:2]
        lines = []
        for one in world.objects[name]:
            (polygon,) = one.polygons or []
            values = (np.reshape(polygon, (-1, 2)) / [width, height]).reshape(-1).tolist()
            lines.append(" ".join([str(world.names.index(one.name)), *map(repr, values)]))
        (folder / "labels" / "train" / name).with_suffix(".txt").write_text("\n".join(lines) + "\n")
    names = "\n".join(f"  {number}: {name}" for number, name in enumerate(world.names))
    (folder / "data.yaml").write_text(f"path: .\ntrain: images/train\nnames:\n{names}\n")
    return folder


def write_yolo_flat(world: World, folder: Path) -> Path:
    """Text files beside the pictures, and classes.txt."""
    write_yolo(world, folder)
    for file in [*(folder / "images/train").iterdir(), *(folder / "labels/train").iterdir()]:
        file.rename(folder / file.name)
    (folder / "data.yaml").unlink()
    (folder / "classes.txt").write_text("\n".join(world.names) + "\n")
    return folder


def write_voc(world: World, folder: Path) -> Path:
    """VOC's folders, boxes from 1, masks in SegmentationObject under numbers that are not those of the boxes."""
    save_pictures(world, folder / "JPEGImages")
    for part in ("Annotations", "SegmentationObject"):
        (folder / part).mkdir()
    for name, pixels in world.pictures.items():
        stem = Path(name).stem
        root = ElementTree.Element("annotation")
        ElementTree.SubElement(root, "filename").text = name
        size = ElementTree.SubElement(root, "size")
        for key, value in zip(("height", "width", "depth"), pixels.shape, strict=True):
            ElementTree.SubElement(size, key).text = str(value)
        numbers = np.zeros(pixels.shape[:2], dtype=np.uint8)
        for index, one in enumerate(world.objects[name]):
            entry = ElementTree.SubElement(root, "object")
            ElementTree.SubElement(entry, "name").text = one.name
            ElementTree.SubElement(entry, "difficult").text = "0"
            box = ElementTree.SubElement(entry, "bndbox")
            x1, y1, x2, y2 = box_of(one.mask)
            for key, value in (("xmin", x1 + 1), ("ymin", y1 + 1), ("xmax", x2), ("ymax", y2)):
                ElementTree.SubElement(box, key).text = str(value)
            numbers[one.mask] = len(world.objects[name]) - index
        ElementTree.ElementTree(root).write(folder / "Annotations" / f"{stem}.xml")
        saved = Image.fromarray(numbers, mode="P")
        saved.putpalette([value // 3 for value in range(256 * 3)])
        saved.save(folder / "SegmentationObject" / f"{stem}.png")
    return folder


def write_cvat(world: World, folder: Path, polygons: bool = True) -> Path:
    """Its folders and attributes; what is no polygon is a crowd."""
    save_pictures(world, folder / "images" / "default")
    document = coco_document(world, polygons)
    for entry in document["annotations"]:
        entry |= {"iscrowd": int(not polygons), "attributes": {"occluded": False}}
    (folder / "annotations").mkdir()
    (folder / "annotations" / "instances_default.json").write_text(json.dumps(document))
    return folder


def write_cvat_masks(world: World, folder: Path) -> Path:
    return write_cvat(world, folder, polygons=False)


def write_labelstudio(world: World, folder: Path) -> Path:
    """Categories from 0, backslashes, letters of its own before the names of uploads."""
    save_pictures(world, folder / "images")
    document = coco_document(world, polygons=True, first=0, prefix="images\\8ab1c2d3-")
    for entry in document["annotations"]:
        entry["ignore"] = 0
    document["info"] = {"year": 2026, "version": "1.0", "description": "", "contributor": "Label Studio", "url": ""}
    (folder / "result.json").write_text(json.dumps(document))
    return folder


Writer = Callable[[World, Path], Path]
OF_POLYGONS: dict[str, Writer] = {
    "labelme": write_labelme,
    "labelme_inside": write_labelme_inside,
    "yolo": write_yolo,
    "yolo_flat": write_yolo_flat,
    "cvat": write_cvat,
    "labelstudio": write_labelstudio,
}
OF_MASKS: dict[str, Writer] = {
    "voc": write_voc,
    "masks_by_class": write_masks_by_class,
    "masks_by_picture": write_masks_by_picture,
    "masks_flat": write_masks_flat,
    "masks_16_bit": write_map_16_bit,
    "masks_8_bit": write_map_8_bit,
    "masks_colours": write_map_of_colours,
    "masks_cvat": write_cvat_segmentation,
    "cvat_masks": write_cvat_masks,
}
