"""Where each parameter of a network is found in a checkpoint that names or stacks its tensors otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor


class Source(NamedTuple):
    """Where a tensor is found: the ``part``-th of ``parts`` equal slices along dimension 0 of ``key``."""

    key: str
    part: int = 0
    parts: int = 1


@dataclass(frozen=True)
class Naming:
    """A checkpoint's names for a transformer's tensors, by transformers 5's names.

    Names end before ``.weight`` / ``.bias`` where both exist. What is in no table has the same name in both.

    Attributes:
        top: names outside the blocks.
        blocks: what the names inside block 3 start with, up to ``.3.``.
        block: names inside a block.
    """

    top: Mapping[str, Source]
    blocks: str
    block: Mapping[str, Source]

    def sources(self, names: Iterable[str], blocks: str) -> dict[str, Source]:
        """For each of transformers 5's ``names``, whose blocks start with ``blocks``, where the checkpoint has it."""
        return {name: self._source(name, f"{blocks}.") for name in names}

    def _source(self, name: str, prefix: str) -> Source:
        if not name.startswith(prefix):
            return _with_ending(name, self.top)
        index, rest = name.removeprefix(prefix).split(".", 1)
        source = _with_ending(rest, self.block)
        return source._replace(key=f"{self.blocks}.{index}.{source.key}")


def source_shapes(wanted: Mapping[str, Source], shapes: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """Names and shapes a checkpoint must have so that ``wanted`` yields parameters of ``shapes``."""
    return {source.key: (shapes[name][0] * source.parts, *shapes[name][1:]) for name, source in wanted.items()}


def rename(wanted: Mapping[str, Source], found: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The checkpoint's tensors under the names of ``wanted``: views, nothing is copied."""
    return {name: found[source.key].chunk(source.parts)[source.part] for name, source in wanted.items()}


def _with_ending(name: str, table: Mapping[str, Source]) -> Source:
    if name in table:
        return table[name]
    stem, _, ending = name.rpartition(".")
    source = table.get(stem, Source(stem))
    return source._replace(key=f"{source.key}.{ending}")
