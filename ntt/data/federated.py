"""What LVIS says beyond COCO: how rare each class is, and which classes each image was checked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ntt.data.values import whole

RARITIES = ("r", "c", "f")


@dataclass(frozen=True, slots=True)
class Federated:
    """The lists of a file in which images were checked for some of the classes only.

    Attributes:
        frequency: category id -> r (rare), c (common) or f (frequent).
        negative: image id -> ids of the categories that were looked for and are not there.
        not_exhaustive: image id -> ids of the categories of which not every object is annotated.
    """

    frequency: dict[int, str]
    negative: dict[int, list[int]]
    not_exhaustive: dict[int, list[int]]


def read_federated(document: dict[str, Any]) -> Federated | None:
    """The lists, where every class says how rare it is and every image has them; else None: the file is COCO's.

    Raises:
        ValueError, TypeError: a list holds something else than ids.
    """
    categories: Any = document.get("categories")
    images: Any = document.get("images")
    if not _all_have(categories, "frequency") or not _all_have(images, "neg_category_ids"):
        return None
    if not _all_have(images, "not_exhaustive_category_ids"):
        return None
    frequency = {entry["id"]: entry["frequency"] for entry in categories}
    lists = [
        {image["id"]: [whole(one, key) for one in image[key]] for image in images}
        for key in ("neg_category_ids", "not_exhaustive_category_ids")
    ]
    return Federated(frequency, *lists)


def _all_have(entries: Any, key: str) -> bool:
    every = entries if isinstance(entries, list) else []
    return bool(every) and all(isinstance(one, dict) and "id" in one and key in one for one in every)
