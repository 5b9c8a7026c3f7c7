"""What the encoder says of one reference object: computed once for all seeds, shot counts and splits that draw it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from ntt.compute.precision import arithmetic
from ntt.data.geometry import annotation_mask
from ntt.data.images import LostImage, UnreadableImage, load_image
from ntt.data.sampling import Reference
from ntt.errors import InputError, NotFinite
from ntt.foreign.tensors import read_safetensors
from ntt.memory.crops import reference_crop
from ntt.memory.vectors import reference_vector
from ntt.reporting.maps import feature_maps
from ntt.screen.progress import track
from ntt.stages.references import chosen_annotations
from ntt.stages.workspace import Workspace
from ntt.store.artifacts import MADE_AGAIN, Artifact, fingerprint
from ntt.store.files import write_atomically, write_json
from ntt.store.store import InputLost, Store

log = logging.getLogger(__name__)
CODE = 2
_FILE = "encoding.safetensors"
_DROPPED = "dropped.json"
_LANES = 4  # encodings made at once: more would only hold more images in memory
_PATIENCE = 0.2  # seconds between looks at what other processes are making


@dataclass(frozen=True)
class Encoding:
    """One reference as the encoder sees it.

    Attributes:
        vector: float32 [D], the mean of its patch features (docs/method.md, section 2).
        pca: uint8 [grid, grid, 3], principal components of its patches.
        clusters: uint8 [grid, grid], k-means labels of its patches, 0 outside.
    """

    vector: torch.Tensor
    pca: torch.Tensor
    clusters: torch.Tensor


def artifact(work: Workspace, reference: Reference) -> Artifact:
    """Determined by the image's bytes, the object's box and mask, the encoder and the crop."""
    annotation = chosen_annotations(work)[reference.annotation_id]
    return work.store.artifact(
        "encodings",
        {
            "code": CODE,
            "image": work.digests.of(image_path(work, reference)),
            "object": fingerprint([annotation.bbox, annotation.segmentation]),
            "backbone": work.backbone_identity,
            "context": work.config.memory.context,
        },
    )


def ensure(work: Workspace, chosen: list[Reference]) -> int:
    """Encode the references that nobody has encoded yet; returns how many were encoded here.

    Raises:
        InputLost: an image could not be read any more; this run does without it from now on, and keys have changed.
    """
    before = [artifact(work, reference).key for reference in chosen]
    made = _encode_missing(work, chosen)
    if before != [artifact(work, reference).key for reference in chosen]:
        raise InputLost
    return made


def _encode_missing(work: Workspace, chosen: list[Reference]) -> int:
    by_key = {(one := artifact(work, reference)).key: (one, reference) for reference in chosen}
    missing, _ = work.store.missing([one for one, _ in by_key.values()])
    if not missing:
        return 0
    backbone = work.backbone  # loaded here: each lane would load one
    progress = track(range(len(missing)), "memory", unit="references")
    # A CPU is shared out among the lanes; another device works for one of them at a time.
    turn = nullcontext() if work.device.type == "cpu" else threading.Lock()

    def one_more(_: Artifact) -> None:
        next(progress, None)

    def make(wanted: Artifact) -> None:
        reference = by_key[wanted.key][1]
        with wanted.writing() as folder:
            try:
                _encode(work, backbone, reference, folder, turn)
            except LostImage as error:  # says nothing of what the key stands for, so it is not stored
                work.digests.lose(error.path, error.reason)
                raise InputLost from error

    next(progress)
    made = 0
    # Around all lanes, for what `arithmetic` sets is global: lanes that restore it would do so under the others' feet.
    with arithmetic(work.device, work.precision):
        for one in _obtain_in_lanes(work.store, missing, make, one_more):
            one_more(one)
            made += 1
    return made


def _obtain_in_lanes(
    store: Store, missing: list[Artifact], make: Callable[[Artifact], None], made_elsewhere: Callable[[Artifact], None]
) -> Iterator[Artifact]:
    """See that all artifacts exist; yields those made here.

    Several at a time, for half of an encoding is reading, cropping and clustering, which leave other cores idle.
    """
    threads = torch.get_num_threads()
    lanes = min(_LANES, threads)
    running: dict[Future[bool], Artifact] = {}
    try:
        with (
            closing(store.claims(missing, made_elsewhere)) as claims,
            ThreadPoolExecutor(lanes, "encode", torch.set_num_threads, (threads // lanes,)) as pool,
        ):
            for claim in claims:
                if claim:
                    running[pool.submit(store.finish, claim, make)] = claim.artifact
                if claim and len(running) < lanes:
                    continue
                if not running:
                    time.sleep(_PATIENCE)
                for future in wait(running, timeout=None if claim else _PATIENCE, return_when=FIRST_COMPLETED).done:
                    artifact = running.pop(future)
                    if future.result():
                        yield artifact
    finally:
        torch.set_num_threads(threads)  # what a thread sets for itself also becomes the next threads' default


def load(work: Workspace, chosen: list[Reference]) -> Iterator[tuple[Reference, Encoding]]:
    """The encodings of those references that have one, in order: not of those whose image or mask was of no use."""
    for reference in chosen:
        file = artifact(work, reference).path / _FILE
        if file.exists():
            tensors = read_safetensors(file, str(file), MADE_AGAIN)
            yield reference, Encoding(tensors["vector"], tensors["pca"], tensors["clusters"])


def image_path(work: Workspace, reference: Reference) -> Path:
    """Where the image of a reference is."""
    return work.inputs.reference_images.path(work.inputs.references.images[reference.image_id].file_name)


def _encode(
    work: Workspace, backbone: Any, reference: Reference, folder: Path, turn: AbstractContextManager[Any]
) -> None:
    """Write the encoding, or why there is none: an unreadable image, a mask that covers no pixel."""
    dataset = work.inputs.references
    record = dataset.images[reference.image_id]
    annotation = chosen_annotations(work)[reference.annotation_id]
    path = image_path(work, reference)
    if reason := work.digests.fault(path):
        # Not looked at again: what the key stands for is that nothing was seen of it.
        log.warning("reference %d dropped: %s: %s", reference.annotation_id, path, reason)
        write_json(folder / _DROPPED, "its image could not be read")
        return
    try:
        image = load_image(path, (record.height, record.width), work.digests.of(path))
    except LostImage:
        raise
    except UnreadableImage as error:
        _drop(reference, str(error), folder)
        return
    try:
        mask = annotation_mask(annotation, record.height, record.width)
    except InputError as error:
        raise InputError(f"{dataset.path}: {error}") from error
    crop, soft_mask = reference_crop(
        image, mask, annotation.bbox, work.config.memory.context, backbone.image_size, backbone.grid
    )
    with turn:
        features = backbone(crop.unsqueeze(0))[0]  # [grid * grid, D]
    if not torch.isfinite(features).all():
        raise NotFinite(backbone.name, path)
    vector = reference_vector(features, soft_mask)
    if vector is None:
        _drop(reference, f"its mask in {dataset.path} covers nothing of the crop around its bbox", folder)
        return
    pca, clusters = feature_maps(features, soft_mask)
    write_atomically(folder / _FILE, save({"vector": vector.cpu(), "pca": pca, "clusters": clusters}))


def _drop(reference: Reference, reason: str, folder: Path) -> None:
    log.warning("reference %d dropped: %s", reference.annotation_id, reason)
    write_json(folder / _DROPPED, reason)
