"""Open what a run reads: the two annotation files, the two image folders, the classes of the split.

Everything a user can get wrong about paths is found here, before any network is loaded.
"""

from __future__ import annotations

import logging
import random
from dataclasses import dataclass, field, replace

from ntt.backbones.settings import BackboneConfig
from ntt.config import RunConfig, user_path
from ntt.data.classes import pair_classes
from ntt.data.coco import CocoDataset, ImageRecord
from ntt.data.pictures import Pictures
from ntt.data.readers.catalogue import AUTO, Labels, make_reader, read_labels
from ntt.data.settings import DatasetConfig
from ntt.data.sides import upright_sides
from ntt.data.soundness import Findings
from ntt.data.splits import select_classes
from ntt.errors import InputError
from ntt.fitted.files import is_model
from ntt.fitted.identity import refuse_settings
from ntt.networks.settings import OwnNetwork
from ntt.segmenters.settings import SegmenterConfig
from ntt.stages import pictures
from ntt.stages.soundness import annotations_of, notes, sound_references, sound_truth

log = logging.getLogger(__name__)
# Stages that never see the ground truth.
_WITHOUT_TRUTH = ("references", "prompt", "memory", "proposals", "match", "export")
_ALSO = ". Also missing: "
_LOOKED_FOR = 1000  # pictures of references that are looked for before any is drawn


@dataclass(frozen=True)
class Inputs:
    """What a run works on.

    Attributes:
        references: annotations that references are sampled from.
        reference_images: finds their images.
        targets: the images to segment, with their ground truth when there is one.
        target_images: finds those images.
        has_truth: False when the targets are just a folder of images.
        categories: id -> name of the classes of the split, ids of the reference file.
        target_category: reference category id -> the id that the target file gives to the class of that name.
        target_records: the target images of this run by id, after `dataset.limit` or `dataset.sample`.
        told: sentences about differences between the two files' classes.
        findings: "references" and "truth" -> what was derived or left out of each.
    """

    references: CocoDataset
    reference_images: Pictures
    targets: CocoDataset
    target_images: Pictures
    has_truth: bool
    categories: dict[int, str]
    target_category: dict[int, int]
    target_records: list[ImageRecord]
    findings: dict[str, Findings]
    told: list[str] = field(default_factory=list)

    def notes(self) -> list[str]:
        """What a person has to know of the input, in sentences."""
        names = {"references": "reference annotations", "truth": "ground truth annotations"}
        told = list(self.told)
        told += [note for key, found in self.findings.items() for note in notes(found, names[key])]
        told += pictures.notes(self.references, self.reference_images)
        return told + pictures.notes(self.targets, self.target_images)

    def counts(self) -> dict[str, dict[str, int]]:
        """The same in numbers, for metrics.json."""
        every = {key: found.counts() for key, found in self.findings.items()}
        if missing := len(self.target_images.missing):
            every["targets"] = {"missing": missing}
        return {key: counts for key, counts in every.items() if counts}


def check_files(config: RunConfig) -> None:
    """Look whether the dataset is there, without reading it.

    Raises:
        InputError: names every missing file, checkpoints too, with the key to change and how to get the file.
    """
    if missing := missing_files(config):
        raise InputError(_ALSO.join(missing + missing_weights(config)))


def missing_files(config: RunConfig) -> list[str]:
    """A sentence for each of the two paths of the dataset that is not there."""
    dataset = config.dataset
    for given in (dataset.format, dataset.reference_format):
        if given not in (AUTO, None):
            make_reader(given).prepare(user_path(dataset.root))
    how = f", or download it: {dataset.download}" if dataset.download else ""
    paths = {key: user_path(getattr(dataset, key)) for key in ("references", "targets")}
    return [
        f"{path} does not exist (dataset.{key}): set dataset.root or dataset.{key}{how}"
        for key, path in paths.items()
        if not path.exists()
    ]


def check_weights(config: RunConfig) -> None:
    """Look whether the checkpoints are there, without reading them: asked for only once the data are found sound.

    Raises:
        InputError: names every missing file, the key to change, and how to get the file.
    """
    if missing := missing_weights(config):
        raise InputError(_ALSO.join(missing))


def missing_weights(config: RunConfig) -> list[str]:
    """A sentence for each of the two checkpoints that is not there."""
    networks = ((config.backbone, "backbone"), (config.segmenter, "segmenter"))
    return [sentence for network, key in networks if (sentence := _missing(network, key))]


def _missing(network: BackboneConfig | SegmenterConfig | OwnNetwork, key: str) -> str | None:
    if network.weights is None:
        return None
    path = user_path(network.weights)
    if network.weights.startswith("hub:"):
        return None
    if path.exists():
        if path.is_file() or (path.is_dir() and key == "backbone"):
            return None
        what = "a folder" if path.is_dir() else "a pipe or a device"
        return f"{path} ({key}.weights) is {what}, where a checkpoint file is expected: give the file"
    ways = [f"set {key}.weights or weights_dir"]
    if network.url or getattr(network, "hub_id", None):
        ways.append(f"`ntt weights fetch {network.name}` brings it to NTT_WEIGHTS")
    if network.url:
        ways.append(f"by hand: curl -L --create-dirs -o {path} {network.url}")
    return f"The checkpoint {path} does not exist ({key}.weights): {'; '.join(ways)}"


def open_inputs(config: RunConfig) -> Inputs:
    """Read the annotation files and select the classes.

    Raises:
        InputError: a file is missing or broken, or a class is not in the annotations.
    """
    dataset = config.dataset
    references_path, targets_path = user_path(dataset.references), user_path(dataset.targets)
    references = read_labels(dataset.format_of("references"), references_path, "references")
    categories = select_classes(references.dataset, config.split)
    same = targets_path == references_path and not references.by_role and dataset.reference_format is None
    found = references if same else read_labels(dataset.format, targets_path, "targets")
    targets = found.dataset if found.labelled else replace(found.dataset, categories=references.dataset.categories)
    _say_unlisted(targets)
    records = choose_targets(targets, dataset)
    if not records:
        raise InputError(f"{targets_path} names no image (dataset.targets): there is nothing to segment.")
    told = [*dict.fromkeys(references.dataset.told + found.dataset.told)]
    told += unannotated(references.dataset, categories, config.split)
    target_category, differences = pair_classes(categories, references.dataset, targets)
    if found.labelled:
        target_images = pictures.open_pictures(dataset, "target_images", targets, found.image_places, records)
    else:
        target_images = Pictures(found.image_places)
    findings = {}
    if found.labelled and any(stage not in _WITHOUT_TRUTH for stage in config.stages):
        truth = annotations_of(targets, target_category.values(), [record.id for record in records])
        targets, turned = upright_sides(targets, truth, target_images)
        records = [targets.images[record.id] for record in records]
        targets, findings["truth"] = sound_truth(targets, truth, dataset.invalid == "skip")
        differences += turned
    if config.stages != ["proposals"] or config.proposals.resemblance is not None:
        examples, reference_images, findings["references"], turned = open_references(config, references, categories)
        differences += [sentence for sentence in turned if sentence not in differences]
    else:
        examples, reference_images = references.dataset, Pictures(references.image_places)
    return Inputs(
        references=examples,
        reference_images=reference_images,
        targets=targets,
        target_images=target_images,
        has_truth=found.labelled,
        categories=categories,
        target_category=target_category,
        target_records=records,
        findings=findings,
        told=told + differences,
    )


def open_references(
    config: RunConfig, labels: Labels, categories: dict[int, str]
) -> tuple[CocoDataset, Pictures, Findings, list[str]]:
    """The reference file with its annotations looked at, its pictures, what was found, and what is to be said of sides.

    Pictures are looked for as far as the classes have annotations in them; of a large file, from which few are drawn,
    only some.
    """
    dataset, examples = config.dataset, labels.dataset
    if is_model(examples.path):
        refuse_settings(examples.path, dataset)
        return examples, Pictures(labels.image_places), Findings(examples.path), []
    annotations = annotations_of(examples, categories, examples.images)
    with_objects = {annotation.image_id for annotation in annotations}
    used = [record for record in examples.images.values() if record.id in with_objects]
    few = used if len(used) <= _LOOKED_FOR else used[:: len(used) // _LOOKED_FOR]
    found = pictures.open_pictures(dataset, "reference_images", examples, labels.image_places, few)
    turned: list[str] = []
    if len(used) <= _LOOKED_FOR:
        examples, turned = upright_sides(examples, annotations, found)
    listed = dataset.reference_ids if isinstance(dataset.reference_ids, list) else None
    examples, findings = sound_references(examples, categories, listed, dataset.prompted)
    return examples, found, findings, turned


def unannotated(references: CocoDataset, categories: dict[int, str], split: object) -> list[str]:
    """Tools put classes into a file that own nothing: the project's name, the parent of all others."""
    if split != "all" or len(categories) == len(references.categories):
        return []
    without = [name for identity, name in references.categories.items() if identity not in categories]
    shown = ", ".join(map(repr, without[:10])) + (f" and {len(without) - 10} more" if len(without) > 10 else "")
    return [
        f"{references.path}: {len(without)} of {len(references.categories)} classes have no annotation and are left "
        f"out: {shown} (split=[...] names the classes of a run)"
    ]


def choose_targets(targets: CocoDataset, dataset: DatasetConfig) -> list[ImageRecord]:
    """The images of the run, by ascending id, so that those of a smaller limit or sample are among those of a larger.

    The draw of `dataset.sample` knows nothing of the references' seed: a sweep's seeds share their proposals.
    """
    records = sorted(targets.images.values(), key=lambda record: record.id)
    if dataset.sample is None:
        return records[: dataset.limit]
    random.Random(dataset.sample_seed).shuffle(records)
    return sorted(records[: dataset.sample], key=lambda record: record.id)


def _say_unlisted(targets: CocoDataset) -> None:
    """Some files hold the annotations of more categories than they list; COCO's own evaluation skips these."""
    if targets.unlisted:
        first = ", ".join(map(str, sorted(targets.unlisted)[:5]))
        log.warning(
            "%s: %d annotations left out, of %d categories that it does not list (%s%s)",
            *(targets.path, sum(targets.unlisted.values()), len(targets.unlisted)),
            *(first, ", ..." if len(targets.unlisted) > 5 else ""),
        )
