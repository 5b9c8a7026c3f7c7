"""Classes by their names: written a little differently, given twice, or in one of two files only."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable

from ntt.data.coco import CocoDataset
from ntt.errors import InputError

_NAMED = 10


def plain_name(name: str) -> str:
    """A class name as classes are compared: without white space around it, in one Unicode form; case counts."""
    return unicodedata.normalize("NFC", name).strip()


def one_of_each_name(dataset: CocoDataset, names: Iterable[str]) -> dict[str, int]:
    """The category id of each name that the file has; of several ids of one name that which has annotations.

    Raises:
        InputError: several of them have, or none.
    """
    ids: dict[str, list[int]] = {}
    for identity, name in dataset.categories.items():
        ids.setdefault(name, []).append(identity)
    chosen: dict[str, int] = {}
    annotated: set[int] | None = None
    for name in names:
        own = ids.get(name, [])
        if len(own) > 1:
            annotated = {a.category_id for a in dataset.annotations} if annotated is None else annotated
            own = [identity for identity in own if identity in annotated]
            if len(own) != 1:
                numbers = ", ".join(map(str, ids[name]))
                raise InputError(
                    f"{dataset.path}: several categories are called {name!r} (ids {numbers}), and "
                    f"{'several' if own else 'none'} of them have annotations, so that results could not tell them "
                    "apart: rename them, or remove those that are not meant"
                )
        if own:
            chosen[name] = own[0]
    return chosen


def pair_classes(
    categories: dict[int, str], references: CocoDataset, targets: CocoDataset
) -> tuple[dict[int, int], list[str]]:
    """Pair classes by name: two exports of the same data often number them differently.

    A class that the targets lack gets an id that they do not use: it has no ground truth there.

    Args:
        categories: id -> name of the run's classes in the reference file.
        references: that file.
        targets: the other one.

    Returns:
        Reference category id -> category id of the target file, and sentences about differences.

    Raises:
        InputError: the targets have none of the classes, or several categories of one of their names.
    """
    by_name = one_of_each_name(targets, categories.values())
    absent = [name for name in categories.values() if name not in by_name]
    if len(absent) == len(categories):
        raise InputError(
            f"{targets.path} has none of the classes {_listed(categories.values())} of {references.path}, but "
            f"{_listed(targets.categories.values())}: give the same classes the same names in both files"
        )
    taken = set(targets.categories)
    pairs: dict[int, int] = {}
    for identity, name in categories.items():
        pairs[identity] = by_name[name] if name in by_name else _free(identity, taken)
        taken.add(pairs[identity])
    told = []
    if absent:
        told.append(
            f"{targets.path}: it lacks {len(absent)} of the {len(categories)} classes of {references.path}, which have "
            f"no ground truth: {_listed(absent)}{_resemblances(absent, targets)}"
        )
    return pairs, told


def _free(identity: int, taken: set[int]) -> int:
    return identity if identity not in taken else max(taken) + 1


def _resemblances(absent: list[str], targets: CocoDataset) -> str:
    """Names of the targets that an absent one may be a different spelling of."""
    folded = {name.casefold(): name for name in targets.categories.values()}
    close = ((name, difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.8)) for name in absent[:_NAMED])
    pairs = [f"{folded[match[0]]!r} for {name!r}" for name, match in close if match]
    return f" (is {', '.join(pairs)} meant?)" if pairs else ""


def _listed(names: Iterable[str]) -> str:
    every = list(names)
    return ", ".join(map(repr, every[:_NAMED])) + (f" and {len(every) - _NAMED} more" if len(every) > _NAMED else "")
