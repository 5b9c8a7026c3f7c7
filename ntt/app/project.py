"""One window's work: its classes, its references, what it corrected, and what follows of them for a photograph."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F

from ntt.app.photos import Photo
from ntt.config import RunConfig
from ntt.errors import InputError
from ntt.fitted.files import Reference
from ntt.matching.match import match
from ntt.memory.bank import MemoryBank
from ntt.memory.separation import separating_score
from ntt.proposals.image_proposals import ImageProposals

_LONGEST_NAME = 80


@dataclass(frozen=True)
class Example:
    """A reference of this window.

    Attributes:
        id: unique in its project.
        reference: what a fitted model keeps.
        photo: it lies in; None for one that came with a fitted model.
        rle: its mask; None likewise.
    """

    id: int
    reference: Reference
    photo: Photo | None = None
    rle: dict[str, Any] | None = None


@dataclass(frozen=True)
class Hit:
    """A detection as the page shows it: `object` names it within its photograph, also after references changed."""

    object: int
    name: str
    score: float
    rle: dict[str, Any]
    corrected: bool = False


@dataclass
class Corrections:
    """What a person said of one photograph, by proposal: another name, or None for "this is nothing"."""

    names: dict[int, str | None] = field(default_factory=dict)
    drawn: dict[int, tuple[str, dict[str, Any]]] = field(default_factory=dict)  # object -> name, mask


class Project:
    """References and corrections of one window; all methods may be called from any thread.

    Args:
        config: of the model.
        matching: the thread that matches (:func:`matching_thread`), shared by all windows.
    """

    def __init__(self, config: RunConfig, matching: ThreadPoolExecutor) -> None:
        self._config = config
        self._matching = matching
        self._lock = threading.RLock()
        self._numbers = itertools.count(1)
        self._drawn = itertools.count(-1, -1)  # below 0: no proposal's
        self._examples: list[Example] = []
        self._ids: dict[str, int] = {}  # of the classes, by name
        self._corrections: dict[str, Corrections] = {}
        self._matched: dict[str, list[Hit]] = {}
        self._prototypes: torch.Tensor | None = None
        self.version = 0

    @property
    def examples(self) -> list[Example]:
        """In the order in which they were given."""
        with self._lock:
            return list(self._examples)

    @property
    def classes(self) -> list[str]:
        """Names, in the order in which they were first given."""
        with self._lock:
            return list(self._ids)

    @property
    def categories(self) -> dict[int, str]:
        """The classes by their ids, in that order."""
        with self._lock:
            return {identity: name for name, identity in self._ids.items()}

    def add(self, reference: Reference, photo: Photo | None = None, rle: dict[str, Any] | None = None) -> Example:
        """Take one more reference."""
        with self._lock:
            example = Example(next(self._numbers), reference, photo, rle)
            self._examples.append(example)
            self._ids.setdefault(reference.name, 1 + max(self._ids.values(), default=0))
            self._forget()
            return example

    def remove(self, example_id: int) -> None:
        """Take a reference away; a class goes with its last one.

        Raises:
            InputError: there is none such.
        """
        with self._lock:
            kept = [one for one in self._examples if one.id != example_id]
            if len(kept) == len(self._examples):
                raise InputError("There is no such reference any more.")
            self._examples = kept
            names = {one.reference.name for one in kept}
            self._ids = {name: identity for name, identity in self._ids.items() if name in names}
            self._forget()

    def replace_all(self, categories: Mapping[int, str], references: Sequence[Reference]) -> None:
        """Begin anew with those of a fitted model."""
        with self._lock:
            self._ids = {name: identity for identity, name in categories.items()}
            self._examples = [Example(next(self._numbers), one) for one in references]
            self._forget()

    def correct(self, photo: Photo, which: int, name: str | None) -> None:
        """Give a detection another name, or take it away (None)."""
        with self._lock:
            kept = self._corrections.setdefault(photo.id, Corrections())
            if which < 0 and name is None:
                kept.drawn.pop(which, None)
            elif which < 0 and which in kept.drawn:
                kept.drawn[which] = (str(name), kept.drawn[which][1])
            else:
                kept.names[which] = name
            self._forget(photo)

    def draw(self, photo: Photo, name: str, rle: dict[str, Any]) -> None:
        """Add an object that a person prompted, in place of one that was missed or badly outlined."""
        with self._lock:
            self._corrections.setdefault(photo.id, Corrections()).drawn[next(self._drawn)] = (name, rle)
            self._forget(photo)

    def restore(self, photo: Photo) -> None:
        """Forget every correction of a photograph."""
        with self._lock:
            self._corrections.pop(photo.id, None)
            self._forget(photo)

    def corrected(self, photo: Photo) -> bool:
        """Whether anything of a photograph was corrected."""
        with self._lock:
            kept = self._corrections.get(photo.id)
            return kept is not None and bool(kept.names or kept.drawn)

    def hits(self, photo: Photo, seen: ImageProposals) -> list[Hit]:
        """The detections of a photograph, best first: what a run with these references finds, as corrected."""
        with self._lock:
            version = self.version
            if photo.id in self._matched:
                return self._matched[photo.id]
            corrected = self._corrections.get(photo.id, Corrections())
            classes = list(self._ids)
            prototypes = self._prototypes_now()
        found = [] if prototypes is None else self._matching.submit(self._match, seen, prototypes, classes).result()
        drawn = [Hit(which, name, 1.0, rle, True) for which, (name, rle) in corrected.drawn.items()]
        hits = drawn + [
            Hit(one.object, name, one.score, one.rle, name != one.name)
            for one in found
            if (name := corrected.names.get(one.object, one.name)) is not None
        ]
        with self._lock:
            if version == self.version:
                self._matched[photo.id] = hits
        return hits

    def names(self) -> list[str]:
        """Every name that a correction gave."""
        with self._lock:
            found: dict[str, None] = {}
            for one in self._corrections.values():
                given = [*one.names.values(), *(name for name, _ in one.drawn.values())]
                found |= dict.fromkeys(name for name in given if name is not None)
            return list(found)

    def suggested(self) -> float | None:
        """The score at which the references come apart; None where they cannot tell."""
        bank = self._bank()
        found = None if bank is None else separating_score(bank)
        return None if found is None else found.score

    def warnings(self) -> dict[int, str]:
        """By reference: the other class that it resembles more than its own, when it is left out of that.

        A class of one reference has nothing left to be compared with: then nothing is said.
        """
        with self._lock:
            examples = list(self._examples)
        names = list(dict.fromkeys(one.reference.name for one in examples))
        found: dict[int, str] = {}
        for example in examples:
            cosines: dict[str, float] = {}
            for name in names:
                others = [o.reference.vector for o in examples if o.reference.name == name and o is not example]
                if others:
                    mean = torch.stack(others).mean(0)
                    cosines[name] = float(F.cosine_similarity(example.reference.vector, mean, dim=0))
            own = cosines.pop(example.reference.name, None)
            if own is not None and cosines and max(cosines.values()) > own:
                found[example.id] = max(cosines, key=cosines.__getitem__)
        return found

    def _match(self, seen: ImageProposals, prototypes: torch.Tensor, classes: list[str]) -> list[Hit]:
        matched = match(seen, prototypes, self._config.matcher)
        columns = (matched.proposals, matched.labels, matched.scores)
        rows = zip(*(column.tolist() for column in columns), strict=True)
        return [Hit(proposal, classes[label], score, seen.rle(proposal)) for proposal, label, score in rows]

    def _bank(self) -> MemoryBank | None:
        with self._lock:
            if not self._examples:
                return None
            vectors = ((self._ids[one.reference.name], one.reference.vector) for one in self._examples)
            return MemoryBank.from_references(self.categories, vectors)

    def _prototypes_now(self) -> torch.Tensor | None:
        if self._prototypes is None and (bank := self._bank()) is not None:
            self._prototypes = bank.prototypes(self._config.memory.kind)
        return self._prototypes

    def _forget(self, photo: Photo | None = None) -> None:
        """What followed of references that are no longer all; of one photograph only, where it was corrected."""
        self.version += 1
        if photo is not None:
            self._matched.pop(photo.id, None)
            return
        self._matched.clear()
        self._prototypes = None


def matching_thread() -> ThreadPoolExecutor:
    """Matching takes one thread of torch's, as in a run: sums in another order would be other bytes.

    How many threads torch takes is a thread's own affair, so this one can say so for good.
    """
    return ThreadPoolExecutor(1, "matching", initializer=torch.set_num_threads, initargs=(1,))


def class_name(text: object) -> str:
    """A class's name as a person types it.

    Raises:
        InputError: it is empty, or no name.
    """
    name = " ".join(text.split()) if isinstance(text, str) else ""
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        raise InputError(f"Name the object's class, in at most {_LONGEST_NAME} characters, such as: robin")
    return name
