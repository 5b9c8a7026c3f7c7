"""Stage 2: encode the references and keep one vector of each (method, sections 2 and 3)."""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save

from ntt.data.coco import annotation_mask
from ntt.data.images import UnreadableImage, load_image
from ntt.data.sampling import Reference
from ntt.errors import InputError
from ntt.memory.bank import MemoryBank
from ntt.memory.crops import reference_crop
from ntt.memory.maps import feature_maps
from ntt.memory.vectors import reference_vector
from ntt.progress import track
from ntt.stages import references
from ntt.stages.workspace import Workspace
from ntt.store import Artifact, write_atomically

log = logging.getLogger(__name__)
CODE = 1
_MAPS = "maps.safetensors"
_MAPPED_PER_CLASS = 3  # references whose maps are kept for the picture
_MAPPED = 96


def artifact(work: Workspace) -> Artifact:
    """Determined by the references, the bytes of their images, the encoder and the crop."""
    chosen = references.load(work)
    images = sorted({r.image_id for r in chosen})
    digests = {str(i): work.digests.of(_image_path(work, i)) for i in images}
    return work.store.artifact(
        "memory",
        {
            "code": CODE,
            "references": references.artifact(work).key,
            "images": digests,
            "backbone": work.backbone_identity,
            "context": work.config.memory.context,
        },
    )


def make(work: Workspace, folder: Path) -> dict[str, Any]:
    """Write `memory.safetensors`, the vectors of every class, and `maps.safetensors` for the report's picture."""
    chosen = references.load(work)
    encoded: list[tuple[int, torch.Tensor]] = []
    maps: dict[str, torch.Tensor] = {}
    mapped = {reference.annotation_id for reference in pictured(work)}
    for reference in track(chosen, "memory", unit="references"):
        if (parts := _encode(work, reference)) is None:
            continue
        features, mask, vector = parts
        encoded.append((reference.category_id, vector))
        if reference.annotation_id in mapped:
            name = str(reference.annotation_id)
            maps[f"pca.{name}"], maps[f"clusters.{name}"] = feature_maps(features, mask)
    bank = MemoryBank.from_references(work.inputs.categories, encoded)
    write_atomically(folder / "memory.safetensors", save(bank.to_tensors()))
    write_atomically(folder / _MAPS, save(maps))
    return {"vectors": len(encoded), "dropped": len(chosen) - len(encoded)}


def load(work: Workspace) -> MemoryBank:
    """The memory of this run."""
    folder = work.require(artifact(work)).path
    return MemoryBank.from_tensors(load_file(folder / "memory.safetensors"), list(work.inputs.categories.values()))


def load_maps(work: Workspace) -> dict[str, torch.Tensor]:
    """`pca.<annotation id>` and `clusters.<annotation id>` of the pictured references that were not dropped."""
    return load_file(work.require(artifact(work)).path / _MAPS)


def pictured(work: Workspace) -> list[Reference]:
    """The references whose maps are kept: the first few of each class."""
    kept: dict[int, list[Reference]] = {}
    for reference in references.load(work):
        kept.setdefault(reference.category_id, []).append(reference)
    return [reference for group in kept.values() for reference in group[:_MAPPED_PER_CLASS]][:_MAPPED]


def _image_path(work: Workspace, image_id: int) -> Path:
    return work.inputs.reference_images / work.inputs.references.images[image_id].file_name


def _encode(work: Workspace, reference: Reference) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor] | None:
    """One reference's features [P, D], soft mask [grid, grid] and vector [D].

    None, with the reason in the log, where its image or its mask is of no use.
    """
    dataset = work.inputs.references
    record = dataset.images[reference.image_id]
    annotation = work.reference_annotations[reference.annotation_id]
    drop = partial(log.warning, "reference %d dropped: %s", reference.annotation_id)
    try:
        image = load_image(_image_path(work, record.id), (record.height, record.width))
    except UnreadableImage as error:
        drop(error)
        return None
    try:
        mask = annotation_mask(annotation, record.height, record.width)
    except InputError as error:
        raise InputError(f"{dataset.path}: {error}") from error
    backbone = work.backbone
    crop, soft_mask = reference_crop(
        image, mask, annotation.bbox, work.config.memory.context, backbone.image_size, backbone.grid
    )
    features = backbone(crop.unsqueeze(0))[0]  # [grid * grid, D]
    vector = reference_vector(features, soft_mask)
    if vector is None:
        drop(f"its mask in {dataset.path} is empty")
        return None
    return features, soft_mask, vector
