"""Stage 2: encode the references and keep one vector of each (docs/method.md, sections 2 and 3)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors.torch import save
from torch import Tensor

from ntt.fitted.files import read_model
from ntt.foreign.tensors import read_safetensors
from ntt.memory.bank import MemoryBank
from ntt.stages import encodings, references
from ntt.stages.fitted import fitted_model
from ntt.stages.stage import ArtifactStage, Outcome
from ntt.stages.workspace import Workspace, once_per_run
from ntt.store.artifacts import MADE_AGAIN, Artifact, fingerprint
from ntt.store.files import write_atomically

if TYPE_CHECKING:
    from ntt.config import RunConfig

SOURCE = ("ntt.fitted", "ntt.memory", "ntt.stages.fitted", "ntt.stages.memory")
_FILE = "memory.safetensors"


@once_per_run
def artifact(work: Workspace) -> Artifact:
    """Determined by the references and by what determines the encoding of each, or by a fitted model."""
    if fitted_model(work.config):
        return work.store.artifact(
            "memory",
            {
                "code": work.sources.of(*SOURCE),
                "kind": work.identity_of(work.config.memory.kind),
                "model": work.inputs.references.sha256,
                "categories": [[i, name] for i, name in work.inputs.categories.items()],
            },
        )
    chosen = references.load(work)
    return work.store.artifact(
        "memory",
        {
            "code": work.sources.of(*SOURCE),
            "kind": work.identity_of(work.config.memory.kind),
            "references": references.artifact(work).key,
            "encodings": fingerprint([encodings.artifact(work, reference).key for reference in chosen]),
        },
    )


def make(work: Workspace, folder: Path) -> dict[str, Any]:
    """Write `memory.safetensors`, the vectors of every class and its prototype."""
    chosen, encoded = references.load(work), 0
    if path := fitted_model(work.config):
        found = _of_a_model(work, path)
    else:
        encoded = encodings.ensure(work, chosen)
        found = ((reference.category_id, one.vector) for reference, one in encodings.load(work, chosen))
    bank = MemoryBank.from_references(work.inputs.categories, found)
    write_atomically(
        folder / _FILE, save({**bank.to_tensors(), "prototypes": bank.prototypes(work.config.memory.kind).contiguous()})
    )
    vectors = sum(map(len, bank.vectors))
    if path:
        return {"vectors": vectors, "of": path.name}
    return {"vectors": vectors, "encoded here": encoded, "dropped": len(chosen) - vectors}


def _of_a_model(work: Workspace, path: Path) -> Iterator[tuple[int, Tensor]]:
    """Category id and vector of those references of a fitted model whose classes are the run's."""
    ids = {name: identity for identity, name in work.inputs.categories.items()}
    return ((ids[one.name], one.vector) for one in read_model(path).references if one.name in ids)


def load(work: Workspace) -> MemoryBank:
    """The memory of this run."""
    return MemoryBank.from_tensors(_read(work), list(work.inputs.categories.values()))


def prototypes(work: Workspace) -> Tensor:
    """[C, D] or [C, K, D], at length 1; classes as in the memory."""
    return _read(work)["prototypes"]


def _read(work: Workspace) -> dict[str, Tensor]:
    file = work.require(artifact(work)).path / _FILE
    return read_safetensors(file, str(file), MADE_AGAIN)


class Memory(ArtifactStage):
    """Encodes the examples."""

    makes = "memory"

    def needs(self, config: RunConfig) -> tuple[str, ...]:
        """The examples and their masks."""
        del config
        return ("references", "masks of references")

    def artifact(self, work: Workspace) -> Artifact:
        """See :func:`artifact`."""
        return artifact(work)

    def make(self, work: Workspace, folder: Path) -> Outcome:
        """See :func:`make`."""
        return make(work, folder)
