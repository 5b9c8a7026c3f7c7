"""What was derived of a file's annotations, kept with what was read of the file.

The points of a sweep check the same annotations of the same file. What is kept here lives as long as the dataset that
was read: a file that changed is read anew, and everything is derived anew with it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from operator import is_
from typing import Any, TypeVar

T = TypeVar("T")
_KEPT = 8  # results: splits of one sweep, each with its references and its truth


class Derived:
    """Results of pure functions of a dataset and some of its annotations; the oldest goes when there are too many."""

    def __init__(self) -> None:
        self._kept: list[tuple[Hashable, Sequence[Any], Any]] = []

    def of(self, what: Hashable, annotations: Sequence[Any], derive: Callable[[], T]) -> T:
        """The result for these very annotations: derived unless it is there.

        Args:
            what: names the function and its other arguments.
            annotations: objects that never change; the same ones are the same, not equal ones.
            derive: makes the result, which nobody may change afterwards.
        """
        for name, others, result in self._kept:
            if name == what and len(others) == len(annotations) and all(map(is_, others, annotations)):
                kept: T = result
                return kept
        made = derive()
        self._kept = [*self._kept[1 - _KEPT :], (what, list(annotations), made)]
        return made
