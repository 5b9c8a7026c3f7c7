"""The references of a label file or folder, read, checked and completed as a run does it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ntt.config import RunConfig
from ntt.data.geometry import annotation_mask
from ntt.data.images import UnreadableImage, load_image
from ntt.data.readers.catalogue import read_labels
from ntt.data.sampling import fixed_references
from ntt.data.splits import select_classes
from ntt.errors import InputError
from ntt.fitted.files import is_model
from ntt.model.references import finite_numbers
from ntt.proposals.prompted import embed_image
from ntt.stages.encodings import threads_at_once
from ntt.stages.inputs import open_references, unannotated
from ntt.stages.prompt import complete
from ntt.stages.soundness import notes

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class LabelledObject:
    """One reference of a file.

    Attributes:
        name: of its class.
        image: uint8 [H, W, 3].
        mask: uint8 [H, W] of 0 and 1.
        bbox: x, y, width, height in pixels.
        source: the image's file.
    """

    name: str
    image: NDArray[np.uint8]
    mask: NDArray[np.uint8]
    bbox: tuple[float, float, float, float]
    source: str


def labelled_objects(config: RunConfig, path: Path, segmenter: Any) -> tuple[dict[int, str], Iterator[LabelledObject]]:
    """Id and name of all classes, and every usable object, class by class, as `dataset.reference_ids=all` reads them.

    What cannot be used is left out and said in the log.

    Args:
        config: of the model.
        path: a COCO json, or any other format that ntt reads.
        segmenter: makes the masks that are missing; asked for only where one is.

    Raises:
        InputError: nothing can be made of the file, or a class has no usable object.
    """
    if not path.exists():
        raise InputError(f"{path} does not exist: give a file or a folder of labelled objects.")
    if is_model(path):
        raise InputError(f"{path} is a fitted model: ntt.load({str(path)!r}) gives it with its networks.")
    dataset = replace(config.dataset, references=str(path))
    labels = read_labels(dataset.format_of("references"), path, "references")
    categories = select_classes(labels.dataset, "all")
    examples, pictures, findings, told = open_references(replace(config, dataset=dataset), labels, categories)
    told = [*labels.dataset.told, *unannotated(labels.dataset, categories, "all"), *told]
    for sentence in [*told, *notes(findings, "reference annotations")]:
        log.warning("%s", sentence)
    chosen = fixed_references(examples, list(categories), None, dataset.repeat_first)
    by_id = {annotation.id: annotation for annotation in examples.annotations}

    def objects() -> Iterator[LabelledObject]:
        for one in chosen:
            record, annotation = examples.images[one.image_id], by_id[one.annotation_id]
            file = pictures.path(record.file_name)
            try:
                image = load_image(file, (record.height, record.width))
            except UnreadableImage as error:
                log.warning("reference %d dropped: %s", one.annotation_id, error)
                continue
            name = categories[one.category_id]
            if annotation.segmentation is None:
                with finite_numbers(str(file)):
                    completed = complete(segmenter(), embed_image(segmenter(), image), annotation, *image.shape[:2])
                if completed is None:
                    log.warning("reference %d dropped: the segmenter found nothing there", one.annotation_id)
                    continue
                annotation = completed
            mask = annotation_mask(annotation, record.height, record.width)
            yield LabelledObject(name, image, mask, annotation.bbox, str(file))

    return categories, objects()


@contextmanager
def as_in_a_run() -> Iterator[None]:
    """As many threads an encoding as a run gives it: sums in another order would be other bytes."""
    before = torch.get_num_threads()
    torch.set_num_threads(before // threads_at_once(before))
    try:
        yield
    finally:
        torch.set_num_threads(before)
