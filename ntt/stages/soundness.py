"""What of the annotation files a run can use: bad ground truth stops it, a bad reference is left out and counted."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace

import numpy as np

from ntt.data.coco import Annotation, CocoDataset
from ntt.data.sampling import Reference
from ntt.data.soundness import Findings, check_annotations, listed
from ntt.errors import InputError

_AT_ONCE = 100_000  # annotations that are all looked at; of larger files a sample, and then what is drawn


def annotations_of(dataset: CocoDataset, category_ids: Collection[int], image_ids: Collection[int]) -> list[Annotation]:
    """Those of some classes in some images."""
    categories, images = set(category_ids), set(image_ids)
    return [a for a in dataset.annotations if a.category_id in categories and a.image_id in images]


def sound_truth(targets: CocoDataset, truth: Sequence[Annotation], skip: bool) -> tuple[CocoDataset, Findings]:
    """The target file with what is wrong mended or left out, as far as it is this run's ground truth.

    Raises:
        InputError: some of it cannot be used and is not to be skipped, or all of it are crowds.
    """
    sound, findings = check_annotations(targets, truth, masks_needed=False)
    if findings.unusable and not skip:
        raise InputError(
            f"{targets.path}: {len(findings.unusable)} of {len(truth)} ground truth annotations cannot be used: "
            f"{listed(findings.unusable)}. Mend them, or leave them out with dataset.invalid=skip."
        )
    if sound and all(annotation.iscrowd for annotation in sound):
        raise InputError(
            f"{targets.path}: there is nothing to evaluate, for all {len(sound)} ground truth annotations are crowds "
            "(iscrowd: 1), regions that COCO leaves out of account: set iscrowd to 0 where they are single objects."
        )
    left_out = {identity for identity, _ in findings.unusable}
    return _replaced(targets, sound, left_out, keep=False), findings


def sound_references(
    references: CocoDataset, category_ids: Collection[int], ids: Collection[int] | None, prompted: bool
) -> tuple[CocoDataset, Findings]:
    """The reference file with what is wrong mended, and what cannot be used marked by its `faults`.

    Of a file with very many annotations a sample is looked at; all of it, if that shows that its boxes are not COCO's.

    Args:
        references: the file.
        category_ids: the classes of the run.
        ids: the annotations that are listed as references; None if they are drawn, or all of them are.
        prompted: whether the segmenter makes the masks that are missing.
    """
    wanted = set(category_ids)
    pool = [a for a in references.annotations if a.category_id in wanted]
    if ids is not None:
        listed_ids = set(ids)
        pool = [a for a in pool if a.id in listed_ids]
    if len(pool) > _AT_ONCE:
        places = np.linspace(0, len(pool) - 1, _AT_ONCE // 5).astype(int)
        sample = [pool[place] for place in places]
        _, findings = check_annotations(references, sample, masks_needed=True, prompted=prompted)
        if findings.form is None:
            return references, Findings(references.path)
    sound, findings = check_annotations(references, pool, masks_needed=True, prompted=prompted)
    return _replaced(references, sound, dict(findings.unusable), keep=True), findings


def sound_draw(
    dataset: CocoDataset, draw: Callable[[CocoDataset], list[Reference]], prompted: bool
) -> tuple[list[Reference], list[tuple[int, str]]]:
    """Draw references until all of them can be used: in a large file nobody looked at each annotation before.

    A draw without what is unusable is the same draw: it shuffles the whole class and takes the next ones.

    Returns:
        The references, and (annotation id, reason) of what was drawn and is of no use.
    """
    left_out: list[tuple[int, str]] = []
    seen: set[int] = set()
    while True:
        chosen = draw(dataset)
        ids = {reference.annotation_id for reference in chosen} - seen
        seen |= ids
        drawn = [annotation for annotation in dataset.annotations if annotation.id in ids]
        sound, findings = check_annotations(dataset, drawn, masks_needed=True, prompted=prompted)
        if not findings.unusable and not findings.boxes:
            return chosen, left_out
        left_out += findings.unusable
        dataset = _replaced(dataset, sound, dict(findings.unusable), keep=True)


def _replaced(
    dataset: CocoDataset, sound: Iterable[Annotation], unusable: dict[int, str] | set[int], keep: bool
) -> CocoDataset:
    """The dataset with mended annotations, those that cannot be used marked or left out; itself if none changes."""
    by_id = {annotation.id: annotation for annotation in sound}
    annotations = []
    for annotation in dataset.annotations:
        if annotation.id not in unusable:
            annotations.append(by_id.get(annotation.id, annotation))
        elif keep and isinstance(unusable, dict):
            annotations.append(replace(annotation, faults={"unusable": unusable[annotation.id]}))
    return replace(dataset, annotations=annotations)


def notes(findings: Findings, what: str) -> list[str]:
    """Sentences that say what was found, for the log and the report.

    Args:
        findings: of one file.
        what: its annotations, such as "reference annotations".
    """
    told = []
    if findings.unusable:
        told.append(
            f"{findings.path}: {len(findings.unusable)} of {findings.checked} {what} cannot be used and are left out: "
            f"{listed(findings.unusable)}"
        )
    if findings.boxes:
        form = f", which look like {findings.form}," if findings.form else ""
        told.append(
            f"{findings.path}: {len(findings.boxes)} of {findings.checked} {what} have a bbox that contradicts the "
            f"mask{form} and get the mask's: {listed(findings.boxes, 3)}"
        )
    if findings.areas:
        told.append(f"{findings.path}: {findings.areas} of {findings.checked} {what} have no area and get the mask's")
    if findings.crowds:
        told.append(
            f"{findings.path}: {findings.crowds} of {findings.checked} {what} are crowds (iscrowd): no references, and "
            "in ground truth regions left out of account"
        )
    return told
