"""Episodes of COCO-20i: the same from the same seed, of regions by the official masks or joined from objects."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask

from ntt.data.episodes import Episode, Episodes, WholeImages, draw_episodes
from ntt.errors import InputError

IMAGES = {1: [10, 11, 12, 13], 7: [11, 12, 14, 15, 16], 9: [10, 16]}
CLASSES = ["person", "toothbrush"]  # the first and the last of COCO's 80


def test_the_list_comes_from_the_seed() -> None:
    drawn = draw_episodes(IMAGES, shots=1, episodes=1000, seed=33)
    assert drawn == draw_episodes(IMAGES, 1, 1000, 33)
    assert drawn != draw_episodes(IMAGES, 1, 1000, 34)
    # Written down: another list would be another benchmark.
    assert drawn[:4] == [
        Episode(7, 15, (16,)),
        Episode(1, 12, (13,)),
        Episode(9, 10, (16,)),
        Episode(7, 14, (16,)),
    ]
    counts = Counter(one.category_id for one in drawn)
    assert all(280 < count < 390 for count in counts.values())
    assert all(one.query not in one.supports and len({*one.supports}) == 1 for one in drawn)


def test_a_class_with_few_images_takes_the_supports_that_there_are() -> None:
    drawn = draw_episodes(IMAGES, shots=3, episodes=60, seed=0)
    assert {one.category_id: len(one.supports) for one in drawn} == {1: 3, 7: 3, 9: 1}
    only = draw_episodes({1: [10, 11], 7: [12]}, 1, 5, 0)
    assert {one.category_id for one in only} == {1}
    with pytest.raises(InputError, match="No class has two images"):
        draw_episodes({1: [10]}, 1, 1, 0)


def test_an_image_in_which_nothing_of_the_class_is_seen_is_drawn_no_more() -> None:
    drawn = draw_episodes(IMAGES, 1, 200, 3, lambda image, category: (image, category) != (16, 9))
    assert {one.category_id for one in drawn} == {1, 7}
    assert any(one.query == 16 for one in drawn)


def write(folder: Path) -> Path:
    """Three images of 20 x 20: two persons and a crowd of them in the first, a toothbrush beside."""

    def box(identity: int, image: int, category: int, x: int, crowd: int = 0) -> dict[str, Any]:
        polygon = [x, 2, x + 4, 2, x + 4, 10, x, 10]
        mask = coco_mask.frPyObjects([polygon], 20, 20)[0]
        shape: Any = {"size": [20, 20], "counts": mask["counts"].decode()} if crowd else [polygon]
        described = {"id": identity, "image_id": image, "category_id": category, "bbox": [x, 2, 4, 8], "area": 32}
        return {**described, "segmentation": shape, "iscrowd": crowd}

    document = {
        "images": [{"id": i, "file_name": f"COCO_val2014_{i:012d}.jpg", "height": 20, "width": 20} for i in (1, 2, 3)],
        "categories": [{"id": 1, "name": "person"}, {"id": 90, "name": "toothbrush"}],
        "annotations": [
            *(box(1, 1, 1, 0), box(2, 1, 1, 2), box(3, 1, 1, 8, crowd=1), box(4, 1, 90, 14)),
            *(box(5, 2, 1, 0), box(6, 2, 90, 14), box(7, 3, 1, 0, crowd=1)),
        ],
    }
    path = folder / "instances_val2014.json"
    path.write_text(json.dumps(document))
    return path


def test_a_region_is_all_of_a_class_and_an_image_of_crowds_alone_is_in_no_episode(tmp_path: Path) -> None:
    reader = Episodes(CLASSES, shots=1, seed=1, episodes=30, masks=str(tmp_path / "absent"))
    references, targets = (reader.read(write(tmp_path), role) for role in ("references", "targets"))
    assert references.semantic is not None
    assert references.semantic.masks == "instances"
    assert references.categories == targets.categories
    assert len(references.categories) == 30
    named = {name.partition(",")[0] for name in references.categories.values()}
    assert named == set(CLASSES) == set(references.semantic.scored_as.values())
    assert set(references.images) | set(targets.images) == {1, 2}
    person = {number for number, name in references.semantic.scored_as.items() if name == "person"}
    for one in [*references.annotations, *targets.annotations]:
        if one.image_id == 1 and one.category_id in person:
            assert one.area == 6 * 8 + 4 * 8  # two persons that overlap, and the crowd
            assert one.bbox == (0, 2, 12, 8)
    pairs = zip(references.annotations, targets.annotations, strict=True)
    assert all(a.category_id == b.category_id and a.image_id != b.image_id for a, b in pairs)
    again = Episodes(CLASSES, shots=1, seed=2, episodes=30).read(write(tmp_path), "references")
    assert again.sha256 != references.sha256


def test_the_official_masks_are_taken_where_they_are(tmp_path: Path) -> None:
    path, folder = write(tmp_path), tmp_path / "masks"
    folder.mkdir()
    for number in (1, 2, 3):
        values = np.zeros((20, 20), dtype=np.uint8)
        values[:, :3], values[:2, 10:] = 1, 80
        Image.fromarray(values if number != 2 else np.where(values == 80, 0, values)).save(
            folder / f"COCO_val2014_{number:012d}.png"
        )
    reader = Episodes(CLASSES, shots=1, seed=1, episodes=8, masks=str(folder))
    references = reader.read(path, "references")
    assert references.semantic is not None
    assert references.semantic.masks == "official"
    assert {one.area for one in references.annotations} == {60}
    # The mask of image 2 shows no toothbrush, whatever its objects say: one image is too few for an episode.
    assert set(references.semantic.scored_as.values()) == {"person"}
    assert any("official masks" in sentence for sentence in references.told)
    whole = WholeImages(CLASSES, str(folder)).read(path, "targets")
    assert sorted((one.image_id, one.category_id, one.area) for one in whole.annotations) == [
        *((1, 1, 60), (1, 90, 20), (2, 1, 60), (3, 1, 60), (3, 90, 20))
    ]
    (folder / "COCO_val2014_000000000003.png").unlink()
    with pytest.raises(InputError, match=r"has no mask COCO_val2014_000000000003\.png"):
        WholeImages(CLASSES, str(folder)).read(path, "targets")


def test_classes_outside_cocos_have_no_official_masks(tmp_path: Path) -> None:
    path, folder = write(tmp_path), tmp_path / "masks"
    folder.mkdir()
    Image.fromarray(np.zeros((20, 20), dtype=np.uint8)).save(folder / "COCO_val2014_000000000001.png")
    path.write_text(path.read_text().replace("toothbrush", "lightsabre"))
    with pytest.raises(InputError, match="none of COCO's 80 classes"):
        WholeImages(["lightsabre"], str(folder)).read(path, "targets")
