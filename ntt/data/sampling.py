"""Choosing the reference objects: the published seeded draw, or a fixed set (docs/method.md, section 1)."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal, get_args

from ntt.data.coco import Annotation, CocoDataset, ImageRecord
from ntt.errors import InputError

MINIMUM_SIDE = 32
"""Least width and height in pixels of a reference's box."""

BORDER_MARGIN = 10
"""Least distance in pixels between a reference's box and each border of its image."""

Shortage = Literal["error", "take", "repeat", "invalid"]
"""What to do about a class with too few references; see `sample_references`."""


@dataclass(frozen=True, slots=True)
class Reference:
    """One annotated object that stands for its class."""

    category_id: int
    image_id: int
    annotation_id: int


def is_valid(annotation: Annotation, image: ImageRecord) -> bool:
    """Whether an annotation may be drawn as a reference.

    It must be one object (not a crowd) without faults that can be made out, at least 32 px wide and high, and 10 px
    away from each image border.
    """
    return why_not(annotation, image) is None


def why_not(annotation: Annotation, image: ImageRecord, drawn: bool = True) -> str | None:
    """Why an annotation may not be a reference, in a word or two; None where it may.

    Args:
        annotation: the object.
        image: of it.
        drawn: whether references are drawn; those of a fixed set may be small and near the border.
    """
    x, y, width, height = annotation.bbox
    if annotation.iscrowd:
        return "a crowd"
    if annotation.isimpossible:
        return "difficult"
    if annotation.faults:
        return "unusable"
    if not drawn:
        return None
    if not min(width, height) >= MINIMUM_SIDE:
        return f"under {MINIMUM_SIDE} px"
    far = min(x, y, image.width - (x + width), image.height - (y + height)) >= BORDER_MARGIN
    return None if far else f"within {BORDER_MARGIN} px of the border"


def sample_references(
    dataset: CocoDataset,
    category_ids: Collection[int],
    shots: int,
    seed: int,
    shortage: Shortage = "error",
) -> list[Reference]:
    """Draw ``shots`` references per class, at most one from an image: the published draw, seed for seed.

    One generator, seeded once, shuffles the annotations of one class after the other, in the order in which
    the file first mentions the classes. Only the given classes are shuffled, and their crowd and other
    invalid annotations are shuffled with the rest: leaving these out beforehand, or shuffling further
    classes, would change every draw.

    A class with fewer than ``shots`` references is handled by ``shortage``:

    - "error": refuse.
    - "take": use those that there are.
    - "repeat": use those that there are again from the start until there are ``shots``.
    - "invalid": as "repeat", and a class without any valid annotation uses its invalid ones (except crowds,
      impossible ones and boxes under a pixel), of which several may lie in one image. This is the LVIS protocol.

    Returns:
        The references grouped by class, classes as in ``category_ids``, each class's in the order drawn.

    Raises:
        InputError: a class has too few references ("error") or none at all (every ``shortage``), or ``shots``
            or ``shortage`` is out of range.
    """
    if shots < 1:
        raise InputError(f"shots={shots}: ask for at least one reference per class")
    if shortage not in get_args(Shortage):
        raise InputError(f"shortage={shortage} is none of {', '.join(get_args(Shortage))}")
    wanted = set(category_ids)
    groups: dict[int, list[Annotation]] = {}
    for annotation in dataset.annotations:
        if annotation.category_id in wanted:
            groups.setdefault(annotation.category_id, []).append(annotation)

    generator = random.Random(seed)
    drawn: dict[int, list[Annotation]] = {category_id: [] for category_id in category_ids}
    for category_id, group in groups.items():
        generator.shuffle(group)
        chosen = _one_per_image((a for a in group if is_valid(a, dataset.images[a.image_id])), shots)
        if not chosen and shortage == "invalid":
            chosen = list(islice((a for a in group if _one_object(a) and min(a.bbox[2:]) >= 1), shots))
        drawn[category_id] = chosen

    enough = shots if shortage == "error" else 1
    short = {category_id: len(chosen) for category_id, chosen in drawn.items() if len(chosen) < enough}
    if short:
        raise InputError(_shortage_message(dataset, short, shots, shortage))
    if shortage in ("repeat", "invalid"):
        drawn = {c: [chosen[i % len(chosen)] for i in range(shots)] for c, chosen in drawn.items()}
    return [_reference(annotation) for chosen in drawn.values() for annotation in chosen]


def fixed_references(
    dataset: CocoDataset,
    category_ids: Collection[int],
    annotation_ids: Sequence[int] | None = None,
    repeat_first: bool = False,
) -> list[Reference]:
    """A given reference set: the listed annotations, or all of a file that holds nothing but references.

    Without a list, crowds, impossible objects and annotations of other classes are left out. With a list, each
    annotation that can be read is taken as given, valid or not, and as often as it is listed. Unequal numbers per
    class are fine.

    ``repeat_first`` reads them as the published code does: of several of one class in one image it takes the first,
    again for each of the others. Its figures for fixed files carry this fault (docs/method.md, section 7).

    Returns:
        The references grouped by class, classes as in ``category_ids``, each class's in file or list order.

    Raises:
        InputError: a listed id is not in the file or belongs to none of the classes, or a class is left with
            no reference.
    """
    groups: dict[int, list[Reference]] = {category_id: [] for category_id in category_ids}
    if annotation_ids is None:
        given = [a for a in dataset.annotations if _one_object(a) and a.category_id in groups]
    else:
        by_id = {annotation.id: annotation for annotation in dataset.annotations}
        for annotation_id in annotation_ids:
            if annotation_id not in by_id:
                raise InputError(f"{dataset.path}: no annotation has the id {annotation_id}; check the list of ids")
            category_id = by_id[annotation_id].category_id
            if category_id not in groups:
                raise InputError(
                    f"{dataset.path}: the listed annotation {annotation_id} is of class "
                    f"{dataset.categories[category_id]!r}, which is outside the split; drop it or widen it"
                )
        given = [by_id[annotation_id] for annotation_id in annotation_ids if not by_id[annotation_id].faults]
    first: dict[tuple[int, int], Annotation] = {}
    for annotation in given:
        if repeat_first:
            annotation = first.setdefault((annotation.category_id, annotation.image_id), annotation)
        groups[annotation.category_id].append(_reference(annotation))
    for category_id, group in groups.items():
        if not group:
            raise InputError(
                f"{dataset.path}: class {dataset.categories[category_id]!r} has no fixed reference"
                f"{_why_none(dataset, category_id)}; add one, or leave the class out of the split"
            )
    return [reference for group in groups.values() for reference in group]


def _one_per_image(annotations: Iterable[Annotation], most: int) -> list[Annotation]:
    by_image: dict[int, Annotation] = {}
    for annotation in annotations:
        by_image.setdefault(annotation.image_id, annotation)
        if len(by_image) == most:
            break
    return list(by_image.values())


def _one_object(annotation: Annotation) -> bool:
    return not (annotation.iscrowd or annotation.isimpossible or annotation.faults)


def _why_none(dataset: CocoDataset, category_id: int) -> str:
    """What became of a class's annotations, of which none is a reference; empty where it has none."""
    own = [a for a in dataset.annotations if a.category_id == category_id]
    crowds = sum(a.iscrowd for a in own)
    faults = [f"annotation {a.id}: {reason}" for a in own if not a.iscrowd for reason in (a.faults or {}).values()]
    told = [f"{crowds} of its {len(own)} annotations are crowds (iscrowd), regions and not objects"] if crowds else []
    if faults:
        told.append(f"{len(faults)} of its {len(own)} annotations cannot be used: " + "; ".join(faults[:3]))
    return f" ({'; '.join(told)})" if told else ""


def _reference(annotation: Annotation) -> Reference:
    return Reference(annotation.category_id, annotation.image_id, annotation.id)


def _shortage_message(dataset: CocoDataset, short: dict[int, int], shots: int, shortage: Shortage) -> str:
    category_id, has = next(iter(short.items()))
    others = [f"{dataset.categories[other]} {count}" for other, count in list(short.items())[1:]]
    also = f" (also short: {', '.join(others[:5])}{', ...' if len(others) > 5 else ''})" if others else ""
    least = min(short.values())
    # Fewer shots, or fewer references, cannot help a class that has none.
    ways = [f"use shots={least}", "memory.shortage=take to use those that there are"] if least else []
    ways.append("leave such classes out of the split")
    if not least and shortage != "invalid":
        ways.append("use memory.shortage=invalid to accept small objects and objects at the border")
    return (
        f"{dataset.path}: class {dataset.categories[category_id]!r} has {has} valid references (at most one "
        f"from an image), {shots} were asked for{also}{_why_none(dataset, category_id)}; {', or '.join(ways)}"
    )
