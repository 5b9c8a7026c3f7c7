"""Class splits: which of a file's categories an experiment is about."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from ntt.data.classes import one_of_each_name, plain_name
from ntt.data.coco import CocoDataset
from ntt.errors import InputError

COCO_CLASSES: tuple[str, ...] = (
    "person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat", "traffic light",
    "fire hydrant", "stop sign", "parking meter", "bench", "bird", "cat", "dog", "horse", "sheep", "cow",
    "elephant", "bear", "zebra", "giraffe", "backpack", "umbrella", "handbag", "tie", "suitcase", "frisbee",
    "skis", "snowboard", "sports ball", "kite", "baseball bat", "baseball glove", "skateboard", "surfboard",
    "tennis racket", "bottle", "wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple",
    "sandwich", "orange", "broccoli", "carrot", "hot dog", "pizza", "donut", "cake", "chair", "couch",
    "potted plant", "bed", "dining table", "toilet", "tv", "laptop", "mouse", "remote", "keyboard",
    "cell phone", "microwave", "oven", "toaster", "sink", "refrigerator", "book", "clock", "vase", "scissors",
    "teddy bear", "hair drier", "toothbrush",
)  # fmt: skip
"""COCO's 80 classes in COCO's order, which COCO-20i's folds count by."""

COCO_NOVEL: tuple[str, ...] = (
    "person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "boat", "bird", "cat", "dog",
    "horse", "sheep", "cow", "bottle", "chair", "couch", "potted plant", "dining table", "tv",
)  # fmt: skip
"""The 20 novel classes of few-shot COCO (the classes that PASCAL VOC has too)."""

COCO_SPLITS: dict[str, tuple[str, ...]] = {
    "novel": COCO_NOVEL,
    "base": tuple(name for name in COCO_CLASSES if name not in COCO_NOVEL),
    **{f"fold{fold}": COCO_CLASSES[fold::4] for fold in range(4)},
}
"""Named splits: few-shot COCO's novel 20 and base 60, and COCO-20i's fold f = classes f, f + 4, f + 8, ..."""

VOC_SPLITS: dict[str, tuple[str, ...]] = {
    "split1": ("bird", "bus", "cow", "motorbike", "sofa"),
    "split2": ("aeroplane", "bottle", "cow", "horse", "sofa"),
    "split3": ("boat", "cat", "motorbike", "sheep", "sofa"),
}
"""The novel classes of few-shot PASCAL VOC's three splits."""

SPLITS = COCO_SPLITS | VOC_SPLITS


def select_classes(dataset: CocoDataset, split: str | Sequence[str]) -> dict[int, str]:
    """The classes of a split as id -> name, in the order of the file's categories.

    "all" are those that have annotations, if any has. Of several categories of one name that with annotations counts.

    Args:
        dataset: the annotation file to select from.
        split: "all", a name in ``SPLITS`` ("novel", "base", "fold0" .. "fold3", "split1" .. "split3"), or a list of
            names.

    Raises:
        InputError: the split is unknown or empty, the file lacks one of its classes, or two of the selected
            categories share a name.
    """
    if dataset.semantic is not None and dataset.semantic.one_way:
        return dict(dataset.categories)  # episodes, drawn from the split's classes
    names = _split_names(dataset, split)
    available = set(dataset.categories.values())
    for name in names:
        if name not in available:
            raise InputError(_missing(name, split, dataset))
    chosen = set(one_of_each_name(dataset, dict.fromkeys(names)).values())
    return {identity: name for identity, name in dataset.categories.items() if identity in chosen}


def _split_names(dataset: CocoDataset, split: str | Sequence[str]) -> Sequence[str]:
    if not isinstance(split, str):
        if not split:
            raise InputError("split is an empty list; name at least one class, or use split=all")
        return [_as_written(name, dataset) for name in split]
    if split == "all":
        annotated = {annotation.category_id for annotation in dataset.annotations}
        every = [name for identity, name in dataset.categories.items() if identity in annotated]
        return every or list(dataset.categories.values())
    if split in SPLITS:
        return SPLITS[split]
    hint = f"; for that one class write split=[{split}]" if split in dataset.categories.values() else ""
    raise InputError(f"split={split} is none of all, {', '.join(SPLITS)}, nor a list of class names{hint}")


def _as_written(name: object, dataset: CocoDataset) -> str:
    """A name of the list as text: Hydra reads 1 and true as a number and a truth value, not as names of classes."""
    text = plain_name("null" if name is None else str(name))
    if isinstance(name, str) or text in dataset.categories.values():
        return text
    known = {other.casefold(): other for other in dataset.categories.values()}
    return known.get(text.casefold(), text)


def _missing(name: str, split: str | Sequence[str], dataset: CocoDataset) -> str:
    available = list(dataset.categories.values())
    folded = {candidate.casefold(): candidate for candidate in available}
    close = difflib.get_close_matches(str(name).casefold(), folded, n=1)
    if close:
        way_out = f"the closest is {folded[close[0]]!r}"
    else:
        shown = ", ".join(available[:10]) + (", ..." if len(available) > 10 else "")
        way_out = f"its {len(available)} classes are {shown}"
    origin = f", which split={split} needs" if isinstance(split, str) else ""
    return f"{dataset.path}: no category is called {name!r}{origin}; {way_out}; name the classes in split=[...]"
