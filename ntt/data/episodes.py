"""COCO-20i's standard protocol: episodes of one class, some support images and one query image each.

An episode is a category of its own here: its references are the class's regions in the support images, its ground truth
is the class's region in the query. All stages then do what they do for any data set, but that an image is only asked
for the episodes that it is the query of.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from ntt.data.coco import Annotation, CocoDataset, Semantic
from ntt.data.readers.coco import Reader as CocoReader
from ntt.data.readers.protocol import Role
from ntt.data.regions import Regions, as_annotation, official_folder
from ntt.data.splits import select_classes
from ntt.errors import InputError, require


@dataclass(frozen=True)
class Episode:
    """A class, the images that show what it looks like, and the image in which it is looked for; ids of the file."""

    category_id: int
    query: int
    supports: tuple[int, ...]


def draw_episodes(
    images: Mapping[int, Sequence[int]],
    shots: int,
    episodes: int,
    seed: int,
    usable: Callable[[int, int], bool] | None = None,
) -> list[Episode]:
    """Episodes in the order of their draw, the same for the same arguments on every machine and Python.

    Each class is as likely as any other; query and supports are different images. A class with fewer than
    ``shots`` + 1 images takes as supports what there is.

    Args:
        images: category id -> the images that have such an object.
        shots: support images.
        episodes: how many.
        seed: of the draw.
        usable: of an image and a category, whether the class's region there will do; None: all of them.

    Raises:
        InputError: no class has two images.
    """
    generator = random.Random(seed)
    pools = {category: list(found) for category, found in images.items()}
    drawn: list[Episode] = []
    while len(drawn) < episodes:
        classes = [category for category, pool in pools.items() if len(pool) > 1]
        if not classes:
            raise InputError("No class has two images with an object: an episode needs a support and a query.")
        category = classes[_below(generator, len(classes))]
        pool = pools[category]
        chosen: list[int] = []
        while len(chosen) <= shots and len(chosen) < len(pool):
            image = pool[_below(generator, len(pool))]
            if image in chosen:
                continue
            if usable is None or usable(image, category):
                chosen.append(image)
            else:
                pool.remove(image)
        if len(chosen) > 1:
            drawn.append(Episode(category, chosen[0], tuple(chosen[1:])))
    return drawn


def _below(generator: random.Random, count: int) -> int:
    """A number below `count`. Of the generator only `random` is promised to be the same in every version."""
    return int(generator.random() * count)


class Episodes(CocoReader):
    """Draws episodes from a COCO json.

    Args:
        split: the classes, as the run's `split`.
        shots: support images of an episode.
        seed: of the draw.
        episodes: how many.
        masks: folder of the official COCO-20i masks; where it is not there, regions are joined from objects.
        least: pixels that a region must have.
    """

    by_role = True

    def __init__(
        self,
        split: str | list[str],
        shots: int = 1,
        seed: int = 0,
        episodes: int = 1000,
        masks: str | None = None,
        least: int = 1,
    ) -> None:
        require(episodes > 0, "dataset.format.episodes", episodes, "a number of episodes above 0")
        require(least > 0, "dataset.format.least", least, "a number of pixels above 0")
        self.split, self.shots, self.seed, self.episodes, self.least = split, shots, seed, episodes, least
        self.masks = masks

    def read(self, path: Path, role: Role) -> CocoDataset:
        """See the class. Of references images keep their ids; categories are numbered as the episodes are drawn."""
        options: dict[str, Any] = {"split": self.split, "shots": self.shots, "seed": self.seed}
        options |= {"episodes": self.episodes, "masks": self.masks, "least": self.least}
        drawn = _drawn(path, json.dumps(options), path.stat().st_mtime_ns if path.exists() else 0)
        return drawn[role]


@lru_cache(maxsize=1)
def _drawn(path: Path, options: str, stamp: int) -> dict[str, CocoDataset]:
    """Both sides of the episodes; read and drawn once for the two."""
    del stamp  # part of the cache's key only
    given = json.loads(options)
    source = CocoReader().read(path, "targets")
    classes = select_classes(source, given["split"])
    regions = Regions(source, official_folder(given["masks"]))

    def usable(image: int, category: int) -> bool:
        region = regions.of(image, category)
        return region is not None and int(as_annotation(0, image, category, region).area) >= given["least"]

    images = regions.images(classes)
    episodes = draw_episodes(images, given["shots"], given["episodes"], given["seed"], usable)
    scored_as = {number: classes[one.category_id] for number, one in enumerate(episodes, start=1)}
    listed = [asdict(one) for one in episodes]
    digest = hashlib.sha256(json.dumps([source.sha256, options, listed], sort_keys=True).encode()).hexdigest()
    shared = replace(
        source,
        sha256=digest,
        categories={number: f"{name}, episode {number}" for number, name in scored_as.items()},
        semantic=Semantic(regions.kind, scored_as, one_way=True),
        told=(*source.told, *_told(images, classes, regions, given["shots"])),
    )
    return {
        "references": _side(shared, regions, [(one, one.supports) for one in episodes]),
        "targets": _side(shared, regions, [(one, (one.query,)) for one in episodes]),
    }


def _side(shared: CocoDataset, regions: Regions, shown: Sequence[tuple[Episode, tuple[int, ...]]]) -> CocoDataset:
    annotations: list[Annotation] = []
    for number, (one, images) in enumerate(shown, start=1):
        for image in images:
            region = regions.of(image, one.category_id)
            assert region is not None
            annotations.append(as_annotation(len(annotations) + 1, image, number, region))
    used = {annotation.image_id for annotation in annotations}
    places = {one.id: f"{shared.categories[one.category_id]}, image {one.image_id}" for one in annotations}
    return replace(
        shared,
        annotations=annotations,
        images={number: record for number, record in shared.images.items() if number in used},
        unlisted={},
        places=places,
    )


def _told(images: dict[int, list[int]], classes: dict[int, str], regions: Regions, shots: int) -> list[str]:
    whose = f"the official masks in {regions.folder}" if regions.folder else "masks joined from its objects"
    told = [f"{regions.source.path}: the episodes' regions are {whose}"]
    few = [f"{classes[one]!r} ({len(found)})" for one, found in images.items() if len(found) <= shots]
    if few:
        told.append(
            f"{regions.source.path}: {len(few)} classes have too few images for {shots} supports and a query, and take "
            f"what there is, or no part where there is one: {', '.join(few[:10])}"
        )
    return told


class WholeImages(CocoReader):
    """A COCO json for the second protocol, all classes at once in every image: its objects, measured as regions.

    Args:
        masks: folder of the official COCO-20i masks of the targets; where it is not there, objects are joined.
        split: the classes that are measured.
    """

    by_role = True

    def __init__(self, split: str | list[str], masks: str | None = None) -> None:
        self.split, self.masks = split, masks

    def read(self, path: Path, role: Role) -> CocoDataset:
        """References are single objects, as ever; of targets each class is one region an image."""
        source = super().read(path, role)
        folder = official_folder(self.masks)
        if role == "references" or folder is None:
            return replace(source, semantic=Semantic("instances")) if role == "targets" else source
        regions = Regions(source, folder)
        annotations: list[Annotation] = []
        for image in source.images:
            for category in select_classes(source, self.split):
                if region := regions.of(image, category):
                    annotations.append(as_annotation(len(annotations) + 1, image, category, region))
        digest = hashlib.sha256(json.dumps([source.sha256, [a.segmentation for a in annotations]]).encode()).hexdigest()
        told = (*source.told, f"{path}: the ground truth is by the official masks in {folder}")
        semantic = Semantic(regions.kind)
        return replace(
            source, sha256=digest, annotations=annotations, semantic=semantic, told=told, unlisted={}, places={}
        )
