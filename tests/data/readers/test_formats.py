"""The same labels in every format are the same objects."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from written_labels import OF_MASKS, OF_POLYGONS, Writer, write_coco
from written_world import Drawn, World, rasterised

from ntt.data.coco import CocoDataset
from ntt.data.geometry import annotation_mask
from ntt.data.pictures import Pictures
from ntt.data.readers.catalogue import formats, read_labels
from ntt.data.soundness import check_annotations

FORMATS = {"masks_cvat": "masks", "cvat_masks": "cvat"}


def small_world() -> World:
    """Three pictures of other sizes; none has two objects of a class, no two objects touch."""
    generator = np.random.default_rng(3)
    outlines = {
        "cup": [10, 5, 40, 5, 40, 30, 12, 33],
        "bell": [50, 10, 70, 12, 64, 44],
        "tree": [8, 40, 30, 38, 28, 58],
    }
    pictures, objects = {}, {}
    for number, name in enumerate(["b_1.png", "a.png", "b_1_2.png"]):
        height, width = 60 + number, 80 + 3 * number
        pictures[name] = generator.integers(0, 255, (height, width, 3)).astype(np.uint8)
        objects[name] = []
        for kind in sorted(outlines)[: 3 - number % 2]:
            polygon = [float(value + number) for value in outlines[kind]]
            objects[name].append(Drawn(kind, [polygon], rasterised([polygon], height, width)))
    return World(pictures, objects)


def described(dataset: CocoDataset) -> list[tuple[object, ...]]:
    """What is the same in every format; of pictures the last part of their name."""
    found: list[tuple[object, ...]] = [(i, name) for i, name in dataset.categories.items()]
    for annotation in dataset.annotations:
        image = dataset.images[annotation.image_id]
        mask = annotation_mask(annotation, image.height, image.width)
        ids = (annotation.id, annotation.image_id, annotation.category_id)
        found.append((*ids, image.height, image.width, annotation.bbox, annotation.area, mask.tobytes()))
    return found


WRITERS: dict[str, tuple[Writer, bool]] = {
    **{name: (writer, True) for name, writer in OF_POLYGONS.items()},
    **{name: (writer, False) for name, writer in OF_MASKS.items()},
}


@pytest.mark.parametrize("name", WRITERS)
def test_labels_in_another_format_are_the_same_objects(name: str, tmp_path: Path) -> None:
    writer, polygons = WRITERS[name]
    world = small_world()
    expected = read_labels("auto", write_coco(world, tmp_path / "coco", polygons), "references")
    found = read_labels("auto", writer(world, tmp_path / "other"), "references")
    assert found.format == FORMATS.get(name, name.partition("_")[0])
    shift = 1 if name == "labelstudio" else 0  # it counts categories from 0
    dataset = found.dataset
    if shift:
        shifted = [replace(a, category_id=a.category_id + shift) for a in dataset.annotations]
        dataset = replace(
            dataset, annotations=shifted, categories={i + shift: name for i, name in dataset.categories.items()}
        )
    assert described(dataset) == described(expected.dataset)
    sound, findings = check_annotations(dataset, dataset.annotations, masks_needed=True)
    assert len(sound) == 8
    assert findings.counts() == {}
    pictures = Pictures(found.image_places)
    for image in dataset.images.values():
        assert pictures.path(image.file_name).is_file()
    assert pictures.missing == {}


@pytest.mark.parametrize("name", WRITERS)
def test_the_digest_is_that_of_all_bytes_and_of_no_place(name: str, tmp_path: Path) -> None:
    writer, _ = WRITERS[name]
    world = small_world()
    first = read_labels("auto", writer(world, tmp_path / "one"), "references").dataset.sha256
    assert read_labels("auto", writer(world, tmp_path / "two" / "deeper"), "references").dataset.sha256 == first
    moved = world.objects["a.png"][0]
    mask = np.roll(moved.mask, 1, axis=1)
    polygon = np.add(np.reshape(moved.polygons or [], (-1, 2)), [1.0, 0.0]).reshape(-1).tolist()
    world.objects["a.png"][0] = Drawn(moved.name, [polygon], mask)
    assert read_labels("auto", writer(world, tmp_path / "three"), "references").dataset.sha256 != first


def test_every_format_is_written_here() -> None:
    named = {FORMATS.get(name, name.partition("_")[0]) for name in WRITERS}
    assert named == set(formats()) - {"coco", "drawn", "fitted", "images", "voc_devkit"}  # the last: tests/experiments
