"""One small world of labelled pictures, written in every format that is read."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pycocotools import mask as coco_mask

Polygon = list[float]


@dataclass(frozen=True)
class Drawn:
    """An object: its class, and its outline or its mask."""

    name: str
    polygons: list[Polygon] | None
    mask: NDArray[np.bool_]


@dataclass(frozen=True)
class World:
    """Pictures by file name, uint8 [H, W, 3], and the objects in each."""

    pictures: dict[str, NDArray[np.uint8]]
    objects: dict[str, list[Drawn]]

    @property
    def names(self) -> list[str]:
        return sorted({one.name for every in self.objects.values() for one in every})


def rasterised(polygons: list[Polygon], height: int, width: int) -> NDArray[np.bool_]:
    return coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(polygons, height, width))).astype(bool)


def rle(mask: NDArray[np.bool_]) -> dict[str, Any]:
    found = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": list(map(int, found["size"])), "counts": found["counts"].decode()}


def box_of(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """x1, y1, x2, y2, the last ones exclusive."""
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def save_pictures(world: World, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, pixels in world.pictures.items():
        Image.fromarray(pixels).save(folder / name)


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


def _masks(world: World, folder: Path) -> list[tuple[str, int, Drawn]]:
    """Stem, number within the class and picture, object."""
    save_pictures(world, folder / "images")
    (folder / "masks").mkdir()
    found = []
    for name in world.pictures:
        counted: dict[str, int] = {}
        for one in world.objects[name]:
            counted[one.name] = counted.get(one.name, 0) + 1
            found.append((Path(name).stem, counted[one.name], one))
    return found


def _save_mask(mask: NDArray[np.bool_], file: Path) -> None:
    file.parent.mkdir(exist_ok=True)
    Image.fromarray((mask * 255).astype(np.uint8)).save(file)


def write_masks_by_class(world: World, folder: Path) -> Path:
    for stem, number, one in _masks(world, folder):
        _save_mask(one.mask, folder / "masks" / one.name / f"{stem}_{number}.png")
    return folder


def write_masks_by_picture(world: World, folder: Path) -> Path:
    for stem, number, one in _masks(world, folder):
        _save_mask(one.mask, folder / "masks" / stem / f"{one.name}_{number}.png")
    return folder


def write_masks_flat(world: World, folder: Path) -> Path:
    for stem, number, one in _masks(world, folder):
        _save_mask(one.mask, folder / "masks" / f"{stem}_{one.name}_{number}.png")
    return folder


def _maps(world: World, folder: Path) -> dict[str, list[Drawn]]:
    found: dict[str, list[Drawn]] = {}
    for stem, _, one in _masks(world, folder):
        found.setdefault(stem, []).append(one)
    return found


def write_map_16_bit(world: World, folder: Path) -> Path:
    """Numbers above 255, and a legend a picture."""
    for stem, every in _maps(world, folder).items():
        numbers = np.zeros(every[0].mask.shape, dtype=np.uint16)
        for index, one in enumerate(every):
            numbers[one.mask] = 300 + index
        Image.fromarray(numbers).save(folder / "masks" / f"{stem}.png")
        legend = {str(300 + index): one.name for index, one in enumerate(every)}
        (folder / "masks" / f"{stem}.json").write_text(json.dumps(legend))
    return folder


def write_map_8_bit(world: World, folder: Path) -> Path:
    """A number a class, of which no picture has two objects, and one legend."""
    for stem, every in _maps(world, folder).items():
        numbers = np.zeros(every[0].mask.shape, dtype=np.uint8)
        for one in every:
            numbers[one.mask] = 1 + world.names.index(one.name)
        Image.fromarray(numbers).save(folder / "masks" / f"{stem}.png")
    lines = ["value,class", *(f"{number},{name}" for number, name in enumerate(world.names, start=1))]
    (folder / "masks" / "legend.csv").write_text("\n".join(lines))
    return folder


def write_map_of_colours(world: World, folder: Path) -> Path:
    """A colour a class, as an RGB picture or by a palette, and one legend."""
    colours = [(10 + 20 * number, 255 - 20 * number, 128) for number in range(len(world.names))]
    for place, (stem, every) in enumerate(_maps(world, folder).items()):
        indices = np.zeros(every[0].mask.shape, dtype=np.uint8)
        for one in every:
            indices[one.mask] = 1 + world.names.index(one.name)
        palette = Image.fromarray(indices, mode="P")
        palette.putpalette([0, 0, 0, *(value for colour in colours for value in colour)])
        (palette if place % 2 else palette.convert("RGB")).save(folder / "masks" / f"{stem}.png")
    lines = ["#{:02x}{:02x}{:02x},{}".format(*colour, name) for colour, name in zip(colours, world.names, strict=True)]
    (folder / "masks" / "legend.txt").write_text("\n".join(lines))
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


def write_cvat_segmentation(world: World, folder: Path) -> Path:
    """CVAT's "Segmentation mask"."""
    save_pictures(world, folder / "JPEGImages")
    colours = {name: (200, 10, 20 * number) for number, name in enumerate(world.names)}
    for part in ("SegmentationClass", "SegmentationObject"):
        (folder / part).mkdir()
    for name, pixels in world.pictures.items():
        classes, objects = np.zeros_like(pixels), np.zeros_like(pixels)
        for index, one in enumerate(world.objects[name]):
            classes[one.mask] = colours[one.name]
            objects[one.mask] = (0, 0, 1 + index)
        Image.fromarray(classes).save((folder / "SegmentationClass" / name).with_suffix(".png"))
        Image.fromarray(objects).save((folder / "SegmentationObject" / name).with_suffix(".png"))
    lines = ["# label:color_rgb:parts:actions", "background:0,0,0::"]
    lines += [f"{name}:{red},{green},{blue}::" for name, (red, green, blue) in colours.items()]
    (folder / "labelmap.txt").write_text("\n".join(lines))
    return folder


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
