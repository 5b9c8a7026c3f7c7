"""The memory of a run: a few vectors per class."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ntt.errors import InputError
from ntt.memory.kinds import Mean, MemoryKind

PUBLISHED = Mean()


@dataclass(frozen=True)
class MemoryBank:
    """Reference vectors by class; classes may have different numbers of shots.

    Attributes:
        category_ids: the annotation file's ids, one per class [C]; the order is that of the prototypes.
        names: class names, in the same order.
        vectors: one float32 tensor [S_c, D] per class, not normalised.

    Raises:
        InputError: a class has no vector.
    """

    category_ids: tuple[int, ...]
    names: tuple[str, ...]
    vectors: tuple[Tensor, ...]

    def __post_init__(self) -> None:
        if not len(self.category_ids) == len(self.names) == len(self.vectors):
            raise ValueError("a memory bank needs one id, one name and one tensor per class")
        if not self.vectors:
            raise InputError("The memory has no class: give at least one class with a reference.")
        empty = [name for name, vectors in zip(self.names, self.vectors, strict=True) if len(vectors) == 0]
        if empty:
            raise InputError(
                f"No usable reference is left for {', '.join(repr(name) for name in empty)}: "
                "the log says why: mend their pictures or masks, or leave the class out of the split."
            )

    @classmethod
    def from_references(cls, categories: Mapping[int, str], references: Iterable[tuple[int, Tensor]]) -> MemoryBank:
        """Group vectors by class.

        Args:
            categories: id -> name of the classes, in the order the bank will have.
            references: (category id, vector [D]) pairs in any order; within a class their order is kept.

        Raises:
            InputError: a class has no reference.
        """
        positions = {category_id: position for position, category_id in enumerate(categories)}
        rows, owners = torch.empty(0, 0), []
        for category_id, vector in references:
            owners.append(positions[category_id])
            if len(owners) > len(rows):
                rows = _longer(rows, vector)
            rows[len(owners) - 1] = vector
        owner = torch.tensor(owners, dtype=torch.int64)
        counts = owner.bincount(minlength=len(categories))
        vectors = rows[owner.argsort(stable=True)].split(counts.tolist())
        return cls(tuple(categories), tuple(categories.values()), vectors)

    def prototypes(self, kind: MemoryKind = PUBLISHED) -> Tensor:
        """[C, D] or [C, K, D], at length 1: what a kind of memory makes of the vectors of each class."""
        return kind.prototypes(self.vectors)

    def to_tensors(self) -> dict[str, Tensor]:
        """The bank without its class names, ready for safetensors.

        Returns:
            ``vectors`` float32 [sum of S_c, D], ``offsets`` int64 [C + 1] (class c owns the rows
            ``offsets[c]:offsets[c + 1]``) and ``category_ids`` int64 [C].
        """
        shots = torch.tensor([0, *(len(vectors) for vectors in self.vectors)])
        return {
            "vectors": torch.cat(self.vectors),
            "offsets": shots.cumsum(0),
            "category_ids": torch.tensor(self.category_ids),
        }

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor], names: Sequence[str]) -> MemoryBank:
        """Undo :meth:`to_tensors`; ``names`` in the order of ``category_ids``."""
        vectors = tensors["vectors"].tensor_split(tensors["offsets"][1:-1].cpu())
        return cls(tuple(tensors["category_ids"].tolist()), tuple(names), vectors)


def _longer(rows: Tensor, vector: Tensor) -> Tensor:
    """Float32 rows like ``vector``, twice as many as before, those before kept.

    The bank grows as one block: a thousand small vectors kept for good would lie, each, in the hole that an
    encoder's freed features left, and the next features would find no hole of their size.
    """
    longer = torch.empty(max(64, 2 * len(rows)), len(vector))
    longer[: len(rows)] = rows.view(len(rows), len(vector))
    return longer
