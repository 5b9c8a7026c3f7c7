"""Look through all that a run reads, before any network: what `ntt check` shows, by the run's own rules.

What a run would refuse is a problem; what it would leave out or mend is counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from ntt.config import RunConfig, user_path
from ntt.data.coco import CocoDataset
from ntt.data.images import UnreadableImage, load_image, stored_size
from ntt.data.pictures import Pictures
from ntt.data.readers.catalogue import Labels, read_labels
from ntt.data.readers.protocol import Role
from ntt.data.sampling import Reference, why_not
from ntt.data.soundness import NAMED, Findings, check_annotations
from ntt.data.splits import select_classes
from ntt.errors import InputError
from ntt.fitted.files import is_model, read_header
from ntt.screen.progress import track
from ntt.stages import pictures
from ntt.stages.inputs import missing_files, open_inputs, open_references, unannotated
from ntt.stages.references import draw
from ntt.stages.soundness import notes, sound_draw

_Result = TypeVar("_Result")


@dataclass(frozen=True)
class ClassCheck:
    """One class of a file: how many objects, in how many images, how many can be references, why others cannot."""

    name: str
    objects: int
    images: int
    references: int | None
    others: dict[str, int]


@dataclass(frozen=True)
class FileCheck:
    """One of the two data sets.

    Attributes:
        role: "references" or "targets".
        path: of it.
        format: what it was recognised as.
        images, objects: how many there are.
        classes: each of them.
        missing: file name -> why it was not found.
        unreadable: file name -> why it cannot be read, such as a size that is not the annotated one.
        unusable: of annotations that cannot be used: id, or place in its file, and reason.
    """

    role: Role
    path: str
    format: str
    images: int
    objects: int
    classes: list[ClassCheck]
    missing: dict[str, str]
    unreadable: dict[str, str]
    unusable: list[str]


@dataclass
class Check:
    """Everything that was found: of each file, what is to be known, and what a run would refuse."""

    files: list[FileCheck] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def check_input(config: RunConfig, roles: Sequence[Role] = ("references", "targets"), decode: bool = True) -> Check:
    """Look through the references, and the targets.

    Args:
        config: of the run.
        roles: which of the two.
        decode: whether every picture is read whole, and not its header only.
    """
    found = Check()
    found.problems += [
        sentence for sentence in missing_files(config) if "dataset.targets" not in sentence or len(roles) > 1
    ]
    if found.problems:
        return found
    read: dict[Role, Labels] = {}
    for role in roles:
        path = user_path(getattr(config.dataset, role))
        labels = _tried(found.problems, partial(read_labels, config.dataset.format_of(role), path, role))
        if labels is not None:
            read[role] = labels
            found.files.append(_file_check(config, role, labels, decode))
    if not found.problems:
        _check_together(config, roles, read, found)
    return found


def _tried(problems: list[str], look: Callable[[], _Result]) -> _Result | None:
    try:
        return look()
    except InputError as error:
        if str(error) not in problems:
            problems.append(str(error))
        return None


def _check_together(config: RunConfig, roles: Sequence[Role], read: dict[Role, Labels], found: Check) -> None:
    """What a run says and refuses, up to the draw of its references."""
    if "targets" in roles:
        inputs = _tried(found.problems, partial(open_inputs, config))
        if inputs is None:
            return
        found.notes.extend(inputs.notes())
        examples, images, categories = inputs.references, inputs.reference_images, inputs.categories
        if inputs.has_truth and (extra := _extra_classes(read)):
            found.notes.append(extra)
    else:
        opened = _tried(found.problems, partial(_references_alone, config, read["references"], found.notes))
        if opened is None:
            return
        examples, images, categories = opened
    if is_model(examples.path):
        return
    drawn = _tried(
        found.problems, partial(sound_draw, examples, partial(draw, config, list(categories)), config.dataset.prompted)
    )
    if drawn is not None:
        unreadable = next(one.unreadable for one in found.files if one.role == "references")
        found.problems.extend(_without_picture(examples, images, drawn[0], unreadable))


def _references_alone(
    config: RunConfig, labels: Labels, told: list[str]
) -> tuple[CocoDataset, Pictures, dict[int, str]]:
    categories = select_classes(labels.dataset, config.split)
    examples, images, findings, turned = open_references(config, labels, categories)
    told += [*labels.dataset.told, *unannotated(labels.dataset, categories, config.split), *turned]
    told += notes(findings, "reference annotations") + pictures.notes(examples, images)
    return examples, images, categories


def _without_picture(
    examples: CocoDataset, images: Pictures, drawn: list[Reference], unreadable: dict[str, str]
) -> list[str]:
    """Classes none of whose references has a picture that can be read."""
    lost: dict[int, list[str]] = {}
    for reference in drawn:
        name = examples.images[reference.image_id].file_name
        images.path(name)
        reason = images.missing.get(name) or unreadable.get(name)
        lost.setdefault(reference.category_id, []).append(f"{name}: {reason}" if reason else "")
    return [
        f"{examples.path}: class {examples.categories[category]!r} has no reference whose picture can be read "
        f"({reasons[0]}); mend or add a picture, or leave the class out of the split"
        for category, reasons in lost.items()
        if all(reasons)
    ]


def _extra_classes(read: dict[Role, Labels]) -> str | None:
    references, targets = read["references"].dataset, read["targets"].dataset
    extra = [name for name in targets.categories.values() if name not in references.categories.values()]
    if not extra:
        return None
    shown = ", ".join(map(repr, extra[:NAMED])) + (f" and {len(extra) - NAMED} more" if len(extra) > NAMED else "")
    return f"{targets.path}: {len(extra)} of its classes have no reference and are not looked for: {shown}"


def _file_check(config: RunConfig, role: Role, labels: Labels, decode: bool) -> FileCheck:
    dataset = labels.dataset
    if is_model(dataset.path):
        return _model_check(labels)
    configured = getattr(config.dataset, "reference_images" if role == "references" else "target_images")
    places = [user_path(configured)] if configured else labels.image_places
    if configured and pictures.embedded(dataset):
        places += labels.image_places
    images = Pictures(places, [] if configured else [record.file_name for record in dataset.images.values()])
    images.look_for(record.file_name for record in dataset.images.values())
    examples = role == "references"
    prompted = examples and config.dataset.prompted
    _, findings = check_annotations(dataset, dataset.annotations, masks_needed=examples, prompted=prompted)
    return FileCheck(
        role=role,
        path=str(dataset.path),
        format=labels.format,
        images=len(dataset.images),
        objects=len(dataset.annotations),
        classes=_class_checks(config, role, dataset, findings) if labels.labelled else [],
        missing=dict(images.missing),
        unreadable=_unreadable(dataset, images, decode),
        unusable=[f"annotation {identity}: {reason}" for identity, reason in findings.unusable],
    )


def _model_check(labels: Labels) -> FileCheck:
    """A fitted model: as many references of each class as it holds, and no picture."""
    header = read_header(labels.dataset.path)
    held, places = (
        Counter(header.names),
        Counter(name for name, _ in set(zip(header.names, header.sources, strict=True))),
    )
    classes = [ClassCheck(name, held[name], places[name], held[name], {}) for name in header.categories.values()]
    path, count = str(labels.dataset.path), len(header.names)
    return FileCheck("references", path, labels.format, 0, count, classes, {}, {}, [])


def _class_checks(config: RunConfig, role: Role, dataset: CocoDataset, findings: Findings) -> list[ClassCheck]:
    drawn = config.dataset.reference_ids is None and role == "references"
    unusable = {identity for identity, _ in findings.unusable}
    checks = []
    for identity, name in dataset.categories.items():
        own = [a for a in dataset.annotations if a.category_id == identity]
        reasons = ["unusable" if a.id in unusable else why_not(a, dataset.images[a.image_id], drawn) for a in own]
        others = dict(Counter(reason for reason in reasons if reason))
        valid = sum(reason is None for reason in reasons) if role == "references" else None
        in_images = len({a.image_id for a in own})
        checks.append(ClassCheck(name, len(own), in_images, valid, others))
    return checks


def _unreadable(dataset: CocoDataset, images: Pictures, decode: bool) -> dict[str, str]:
    found = {}
    there = [record for record in dataset.images.values() if record.file_name not in images.missing]
    for record in track(there, "reading pictures", unit="pictures"):
        path, size = images.path(record.file_name), (record.height, record.width) if record.height else None
        try:
            if decode:
                load_image(path, size)
            elif (stored := stored_size(path)) is None or (size and sorted(stored) != sorted(size)):
                load_image(path, size)  # says what is wrong
        except UnreadableImage as error:
            found[record.file_name] = error.reason
    return found
