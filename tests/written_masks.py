"""The small world's objects as pictures: a file for each mask, or maps of numbers and colours."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from written_world import Drawn, World, save_pictures


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
