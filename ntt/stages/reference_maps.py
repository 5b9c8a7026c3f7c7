"""What the encoder makes of a reference's patches, for people: made for those that a report draws, and kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save

from ntt.data.images import LostImage, UnreadableImage
from ntt.data.sampling import Reference
from ntt.foreign.tensors import read_safetensors
from ntt.reporting.maps import feature_maps
from ntt.stages import encodings
from ntt.stages.encodings import Encode
from ntt.stages.workspace import Workspace
from ntt.store.artifacts import MADE_AGAIN, Artifact
from ntt.store.files import write_atomically

SOURCE = ("ntt.reporting.clusters", "ntt.reporting.maps", "ntt.stages.reference_maps")
_FILE = "maps.safetensors"


@dataclass(frozen=True)
class Maps:
    """Pictures of one reference.

    Attributes:
        pca: uint8 [grid, grid, 3], principal components of its patches.
        clusters: uint8 [grid, grid], k-means labels of its patches, 0 outside.
    """

    pca: torch.Tensor
    clusters: torch.Tensor


def load(work: Workspace, chosen: list[Reference]) -> Iterator[tuple[Reference, Maps]]:
    """The maps of those references that have a vector, in order. Missing ones are made first, by the encoder.

    Left out are those whose image cannot be read any more.
    """
    usable = [reference for reference, _ in encodings.load(work, chosen)]
    wanted = [(_artifact(work, reference), reference) for reference in usable]
    encodings.encode_missing(work, wanted, _write, "maps of references")
    for one, reference in wanted:
        file = one.path / _FILE
        if not file.exists():
            continue  # its image was lost since it was encoded
        tensors = read_safetensors(file, str(file), MADE_AGAIN)
        yield reference, Maps(tensors["pca"], tensors["clusters"])


def _artifact(work: Workspace, reference: Reference) -> Artifact:
    """Determined by what determines the reference's vector, and by how the maps are made of its patches."""
    code, encoding = work.sources.of(*SOURCE), encodings.artifact(work, reference).key
    return work.store.artifact("maps", {"code": code, "encoding": encoding})


def _write(work: Workspace, reference: Reference, encode: Encode, folder: Path) -> None:
    del work
    try:
        pca, clusters = feature_maps(*encode(reference))
    except UnreadableImage as error:
        raise LostImage(error.path, error.reason) from error  # it could be read when its vector was made
    write_atomically(folder / _FILE, save({"pca": pca, "clusters": clusters}))
