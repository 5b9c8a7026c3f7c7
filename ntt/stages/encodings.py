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
from ntt.foreign.documents import read_json
from ntt.foreign.tensors import read_safetensors
from ntt.memory.crops import reference_crop
from ntt.memory.vectors import reference_vector
from ntt.screen.progress import track
from ntt.stages.prompt import completed_annotations
from ntt.stages.references import image_path
from ntt.stages.workspace import Workspace
from ntt.store.artifacts import MADE_AGAIN, Artifact, fingerprint
from ntt.store.files import write_atomically, write_json
from ntt.store.store import InputLost, Store

log = logging.getLogger(__name__)
CODE = 3  # raised with whatever changes bytes: tests/stages/test_versions.py watches the source
SOURCE = ("ntt.backbones", "ntt.compute", "ntt.data", "ntt.memory", "ntt.networks")
_FILE = "encoding.safetensors"
_DROPPED = "dropped.json"
_AT_ONCE = 4  # encodings made at once: more would only hold more images in memory
_PATIENCE = 0.2  # seconds between looks at what other processes are making


class WithoutMask(InputError):
    """A reference with a box or clicks, from which the segmenter made no mask."""


@dataclass(frozen=True)
class Encoding:
    """One reference as the encoder sees it.

    Attributes:
        vector: float32 [D], the mean of its patch features (docs/method.md, section 2).
    """

    vector: torch.Tensor


def artifact(work: Workspace, reference: Reference) -> Artifact:
    """Determined by the image's bytes, the object's box and mask, the encoder and the crop."""
    annotation = completed_annotations(work)[reference.annotation_id]
    return work.store.artifact(
        "encodings",
        {
            "code": CODE,
            "image": work.digests.of(image_path(work, reference)),
            # Without a mask it is dropped, whatever its box; clicks have none.
            "object": fingerprint([annotation.bbox, annotation.segmentation] if annotation.segmentation else None),
            "backbone": work.backbone_identity,
            "context": work.config.memory.context,
        },
        work.sources.of(*SOURCE),
    )


def ensure(work: Workspace, chosen: list[Reference]) -> int:
    """Encode the references that nobody has encoded yet; returns how many were encoded here.

    Raises:
        InputLost: an image could not be read any more; this run does without it from now on, and keys have changed.
    """
    wanted = [(artifact(work, reference), reference) for reference in chosen]
    made = encode_missing(work, wanted, _write, "memory")
    if [one.key for one, _ in wanted] != [artifact(work, reference).key for reference in chosen]:
        raise InputLost
    return made


Encode = Callable[[Reference], tuple[torch.Tensor, torch.Tensor]]
"""A reference -> the patch features of its crop, [grid * grid, D], and its soft mask on the patches, [grid, grid].

Raises UnreadableImage; LostImage where nothing is known of the image's contents.
"""


def encode_missing(
    work: Workspace,
    wanted: list[tuple[Artifact, Reference]],
    write: Callable[[Workspace, Reference, Encode, Path], None],
    description: str,
) -> int:
    """See that artifacts exist for which references have to be encoded, but those whose image is lost.

    Args:
        work: the run.
        wanted: what is needed, and the reference that it is of; of equal artifacts one is made.
        write: fills an artifact's folder; called by several threads.
        description: of the progress bar.

    Returns:
        How many were made here.
    """
    by_key = {one.key: (one, reference) for one, reference in wanted}
    missing, _ = work.store.missing([one for one, _ in by_key.values()])
    if not missing:
        return 0
    backbone = work.backbone  # loaded here: each thread would load one
    progress = track(range(len(missing)), description, unit="references")
    # A CPU is shared out among the threads; another device works for one of them at a time.
    turn = nullcontext() if work.device.type == "cpu" else threading.Lock()

    def encode(reference: Reference) -> tuple[torch.Tensor, torch.Tensor]:
        return _encode(work, backbone, reference, turn)

    def one_more(_: Artifact) -> None:
        next(progress, None)

    def make(one: Artifact) -> None:
        with one.writing() as folder:
            try:
                write(work, by_key[one.key][1], encode, folder)
            except LostImage as error:  # says nothing of what the key stands for, so it is not stored
                work.digests.lose(error.path, error.reason)
                raise InputLost from error

    next(progress)
    made = 0
    # Around all threads, for what `arithmetic` sets is global: one that restores it would do so under the others' feet.
    with arithmetic(work.device, work.precision):
        for one in _obtain_in_threads(work.store, missing, make, one_more):
            one_more(one)
            made += 1
    return made


def threads_at_once(cores: int) -> int:
    """How many references are encoded at once on so many cores."""
    return min(_AT_ONCE, cores)


def _obtain_in_threads(
    store: Store, missing: list[Artifact], make: Callable[[Artifact], None], made_elsewhere: Callable[[Artifact], None]
) -> Iterator[Artifact]:
    """See that all artifacts exist; yields those made here.

    Several at a time, for half of an encoding is reading and cropping, which leave other cores idle.
    """
    cores = torch.get_num_threads()
    threads = threads_at_once(cores)
    running: dict[Future[bool], Artifact] = {}
    try:
        with (
            closing(store.claims(missing, made_elsewhere)) as claims,
            ThreadPoolExecutor(threads, "encode", torch.set_num_threads, (cores // threads,)) as pool,
        ):
            for claim in claims:
                if claim:
                    running[pool.submit(store.finish, claim, make)] = claim.artifact
                if claim and len(running) < threads:
                    continue
                if not running:
                    time.sleep(_PATIENCE)
                for future in wait(running, timeout=None if claim else _PATIENCE, return_when=FIRST_COMPLETED).done:
                    artifact = running.pop(future)
                    if future.result():
                        yield artifact
            # Two that end at the same moment leave nothing to claim, and one of them is not looked at yet.
            for future, artifact in running.items():
                if future.result():
                    yield artifact
    finally:
        torch.set_num_threads(cores)  # what a thread sets for itself also becomes the next threads' default


def load(work: Workspace, chosen: list[Reference]) -> Iterator[tuple[Reference, Encoding]]:
    """The encodings of those references that have one, in order: not of those whose image or mask was of no use."""
    for reference in chosen:
        file = artifact(work, reference).path / _FILE
        if file.exists():
            tensors = read_safetensors(file, str(file), MADE_AGAIN)
            yield reference, Encoding(tensors["vector"])


def dropped(work: Workspace, chosen: list[Reference]) -> Iterator[tuple[Reference, str]]:
    """Those references that have no encoding, and why."""
    for reference in chosen:
        file = artifact(work, reference).path / _DROPPED
        if file.exists():
            yield reference, str(read_json(file, MADE_AGAIN))


def _write(work: Workspace, reference: Reference, encode: Encode, folder: Path) -> None:
    """Write the encoding, or why there is none: an unreadable image, a mask that covers no pixel."""
    path = image_path(work, reference)
    if reason := work.digests.fault(path):
        # Not looked at again: what the key stands for is that nothing was seen of it.
        log.warning("reference %d dropped: %s: %s", reference.annotation_id, path, reason)
        write_json(folder / _DROPPED, "its image could not be read")
        return
    try:
        vector = reference_vector(*encode(reference))
    except LostImage:
        raise
    except (UnreadableImage, WithoutMask) as error:
        _drop(reference, str(error), folder)
        return
    if vector is None:
        file = work.inputs.references.path
        _drop(reference, f"its mask in {file} covers nothing of the crop around its bbox", folder)
        return
    write_atomically(folder / _FILE, save({"vector": vector.cpu()}))


def _encode(
    work: Workspace, backbone: Any, reference: Reference, turn: AbstractContextManager[Any]
) -> tuple[torch.Tensor, torch.Tensor]:
    """See :data:`Encode`."""
    dataset = work.inputs.references
    record = dataset.images[reference.image_id]
    annotation = completed_annotations(work)[reference.annotation_id]
    path = image_path(work, reference)
    image = load_image(path, (record.height, record.width), work.digests.of(path))
    if annotation.segmentation is None:
        raise WithoutMask("it has no mask, and the segmenter found none at its box or clicks")
    try:
        mask = annotation_mask(annotation, record.height, record.width)
    except InputError as error:
        raise InputError(f"{dataset.path}: {error}") from error
    context = work.config.memory.context
    crop, soft_mask = reference_crop(image, mask, annotation.bbox, context, backbone.image_size, backbone.grid)
    with turn:
        features = backbone(crop.unsqueeze(0))[0]  # [grid * grid, D]
    if not torch.isfinite(features).all():
        raise NotFinite(backbone.name, path)
    return features, soft_mask


def _drop(reference: Reference, reason: str, folder: Path) -> None:
    log.warning("reference %d dropped: %s", reference.annotation_id, reason)
    write_json(folder / _DROPPED, reason)
