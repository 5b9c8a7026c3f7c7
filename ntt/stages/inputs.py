"""Open what a run reads: the two annotation files, the two image folders, the classes of the split.

Everything a user can get wrong about paths is found here, before any network is loaded.
"""

from __future__ import annotations

import logging
import random
from dataclasses import dataclass, replace
from pathlib import Path

from ntt.config import BackboneConfig, DatasetConfig, RunConfig, SegmenterConfig, user_path
from ntt.data.coco import CocoDataset, ImageRecord
from ntt.data.readers.catalogue import AUTO, Labels, make_reader, read_labels
from ntt.data.soundness import Findings
from ntt.data.splits import select_classes
from ntt.errors import InputError
from ntt.stages.soundness import notes, sound_references, sound_truth

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Inputs:
    """What a run works on.

    Attributes:
        references: annotations that references are sampled from.
        reference_images: folder of their images.
        targets: the images to segment, with their ground truth when there is one.
        target_images: folder of those images.
        has_truth: False when the targets are just a folder of images.
        categories: id -> name of the classes of the split, ids of the reference file.
        target_category: reference category id -> the id that the target file gives to the class of that name.
        target_records: the target images of this run by id, after `dataset.limit` or `dataset.sample`.
        findings: "references" and "truth" -> what was derived or left out of each.
    """

    references: CocoDataset
    reference_images: Path
    targets: CocoDataset
    target_images: Path
    has_truth: bool
    categories: dict[int, str]
    target_category: dict[int, int]
    target_records: list[ImageRecord]
    findings: dict[str, Findings]

    def notes(self) -> list[str]:
        """What a person has to know of the input, in sentences."""
        names = {"references": "reference annotations", "truth": "ground truth annotations"}
        return [note for key, found in self.findings.items() for note in notes(found, names[key])]

    def counts(self) -> dict[str, dict[str, int]]:
        """The same in numbers, for metrics.json."""
        return {key: counts for key, found in self.findings.items() if (counts := found.counts())}


def check_files(config: RunConfig) -> None:
    """Look whether the dataset is there, without reading it.

    Raises:
        InputError: names the missing file, the key to change, and how to get the file.
    """
    dataset = config.dataset
    if dataset.format != AUTO:
        make_reader(dataset.format).prepare(user_path(dataset.root))
    for key in ("references", "targets"):
        path = user_path(getattr(dataset, key))
        if not path.exists():
            how = f", or download it: {dataset.download}" if dataset.download else ""
            raise InputError(f"{path} does not exist (dataset.{key}): set dataset.root or dataset.{key}{how}")


def check_weights(config: RunConfig) -> None:
    """Look whether the checkpoints are there, without reading them: asked for only once the data are found sound.

    Raises:
        InputError: names the missing file, the key to change, and how to get the file.
    """
    for network, key in ((config.backbone, "backbone"), (config.segmenter, "segmenter")):
        _check_one(network, key)


def _check_one(network: BackboneConfig | SegmenterConfig, key: str) -> None:
    path = user_path(network.weights)
    if network.weights.startswith("hub:") or path.exists():
        return
    ways = [f"set {key}.weights or weights_dir"]
    if network.url or getattr(network, "hub_id", None):
        ways.append(f"`ntt weights fetch {network.name}` brings it to NTT_WEIGHTS")
    if network.url:
        ways.append(f"by hand: curl -L --create-dirs -o {path} {network.url}")
    raise InputError(f"The checkpoint {path} does not exist ({key}.weights): {'; '.join(ways)}")


def open_inputs(config: RunConfig) -> Inputs:
    """Read the annotation files and select the classes.

    Raises:
        InputError: a file is missing or broken, or a class is not in the annotations.
    """
    dataset = config.dataset
    references_path, targets_path = user_path(dataset.references), user_path(dataset.targets)
    references = read_labels(dataset.format, references_path, "references")
    categories = select_classes(references.dataset, config.split)
    same = targets_path == references_path
    found = references if same else read_labels(dataset.format, targets_path, "targets")
    targets = found.dataset if found.labelled else replace(found.dataset, categories=references.dataset.categories)
    _say_unlisted(targets)
    records = choose_targets(targets, dataset)
    if not records:
        raise InputError(f"{targets_path} names no image (dataset.targets): there is nothing to segment.")
    target_category = _match_categories(categories, references.dataset, targets)
    findings = {}
    listed = dataset.reference_ids if isinstance(dataset.reference_ids, list) else None
    if found.labelled and {"evaluate", "report"} & set(config.stages):
        truth_images = [record.id for record in records]
        skip = dataset.invalid == "skip"
        targets, findings["truth"] = sound_truth(targets, target_category.values(), truth_images, skip)
    sound = references.dataset
    if set(config.stages) != {"proposals"} or config.proposals.resemblance is not None:
        sound, findings["references"] = sound_references(sound, categories, listed)
    return Inputs(
        references=sound,
        reference_images=_image_folder(dataset, "reference_images", references),
        targets=targets,
        target_images=_image_folder(dataset, "target_images", found) if found.labelled else targets_path,
        has_truth=found.labelled,
        categories=categories,
        target_category=target_category,
        target_records=records,
        findings=findings,
    )


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


def _image_folder(dataset: DatasetConfig, key: str, labels: Labels) -> Path:
    """The configured folder, else the first place of the format that has the first image."""
    configured = getattr(dataset, key)
    if configured is not None:
        folder = user_path(configured)
        if not folder.is_dir():
            raise InputError(f"{folder} is not a folder (dataset.{key}): set dataset.root or dataset.{key}.")
        return folder
    first = next(iter(labels.dataset.images.values()), None)
    for place in labels.image_places:
        if first is None or (place / first.file_name).is_file():
            return place
    assert first is not None
    raise InputError(
        f"The images of {labels.dataset.path} were not found beside it (looked for {first.file_name}): "
        f"set dataset.{key}=FOLDER."
    )


def _match_categories(categories: dict[int, str], references: CocoDataset, targets: CocoDataset) -> dict[int, int]:
    """Pair classes by name: two exports of the same data often number them differently."""
    if targets is references:
        return {i: i for i in categories}
    by_name = {name: i for i, name in targets.categories.items()}
    taken = set(targets.categories)
    pairs: dict[int, int] = {}
    for i, name in categories.items():
        if name not in by_name and i in taken:
            raise InputError(
                f"Class {name} has id {i} in {references.path}, which {targets.path} gives to "
                f"{targets.categories[i]}: use the same categories in both files."
            )
        pairs[i] = by_name.get(name, i)
    return pairs
