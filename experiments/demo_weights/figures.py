"""What the demo's networks reach on the novel classes, and what parts of them reach: figures.json beside the weights.

``python -m experiments.demo_weights.figures`` runs the method of the package on the drawn world, without its store.
"""

from __future__ import annotations

import argparse
import json
import logging
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf

from experiments.demo_weights import train_encoder, train_segmenter
from experiments.demo_weights.export import PACKAGE, meta_names, save_half
from experiments.demo_weights.proposals import (
    Image,
    ReferenceVector,
    encoded_reference,
    perfect_masks,
    reference_colour,
    with_colours,
    with_true_classes,
)
from experiments.demo_weights.sizes import encoder_config, proposal_config, segmenter_config
from ntt.backbones.dinov2 import Dinov2
from ntt.data.coco import Annotation, CocoDataset, read_coco
from ntt.data.images import load_image
from ntt.data.sampling import sample_references
from ntt.data.splits import select_classes
from ntt.drawn.classes import NOVEL_CLASSES
from ntt.drawn.dataset import ensure
from ntt.evaluation.coco import evaluate, restrict_ground_truth
from ntt.matching.match import match
from ntt.matching.settings import MatchSettings
from ntt.memory.bank import MemoryBank
from ntt.proposals.image_proposals import ImageProposals
from ntt.proposals.networks import propose
from ntt.screen.progress import track
from ntt.segmenters.sam2 import Sam2
from ntt.stages.match import results

SHOTS, SEED = 10, 33
SEEDS = (33, 42, 13)
Figures = dict[str, float]


@dataclass(frozen=True)
class World:
    """The demo's dataset, read: references, targets, and the pictures of the targets in order."""

    root: Path
    references: CocoDataset
    targets: CocoDataset
    categories: dict[int, str]
    pictures: list[Image]

    def truth(self, image_id: int) -> list[Annotation]:
        return [a for a in self.targets.annotations if a.image_id == image_id]


def open_world(root: Path) -> World:
    ensure(root)
    references = read_coco(root / "annotations" / "instances_train.json")
    targets = read_coco(root / "annotations" / "instances_val.json")
    categories = select_classes(references, [kind.name for kind in NOVEL_CLASSES])
    pictures = [load_image(root / "val" / image.file_name) for image in targets.images.values()]
    return World(root, references, targets, categories, pictures)


def memory(world: World, vector: ReferenceVector, shots: int, seed: int) -> torch.Tensor:
    """Prototypes [C, D] of a sampled reference set."""
    annotations = {a.id: a for a in world.references.annotations}
    encoded = []
    for reference in sample_references(world.references, list(world.categories), shots, seed):
        image = load_image(world.root / "train" / world.references.images[reference.image_id].file_name)
        found = vector(image, annotations[reference.annotation_id])
        if found is not None:
            encoded.append((reference.category_id, found))
    return MemoryBank.from_references(world.categories, encoded).prototypes()


def average_precision(world: World, proposals: Sequence[ImageProposals], prototypes: torch.Tensor) -> Figures:
    """AP and AP50 of boxes and masks after matching."""
    categories = list(world.categories)
    rows = []
    for image_id, found in zip(world.targets.images, proposals, strict=True):
        detections = match(found, prototypes, MatchSettings())
        rows += results(image_id, found, detections, categories)
    metrics = evaluate(restrict_ground_truth(world.targets, categories, list(world.targets.images)), rows)
    return {
        f"{kind} {key}": round(100 * figures[key], 1)
        for kind, figures in (("bbox", metrics["bbox"]), ("segm", metrics["segm"]))
        for key in ("AP", "AP50")
    }


def networks(weights: Path) -> tuple[Dinov2, Sam2]:
    """Both networks with the weights in a folder, otherwise as the demo has them."""
    encoder, segmenter = _options(encoder_config()), _options(segmenter_config()) | _options(proposal_config())
    backbone = Dinov2(**encoder | {"weights": weights / "dinov2_demo.safetensors"})
    return backbone, Sam2(**segmenter | {"weights": weights / "sam2_demo.safetensors"})


def untrained_networks() -> tuple[Dinov2, Sam2]:
    with tempfile.TemporaryDirectory() as folder:
        save_half(meta_names(train_encoder.build()[0].network.state_dict()), Path(folder) / "dinov2_demo.safetensors")
        save_half(train_segmenter.build()[0].network.state_dict(), Path(folder) / "sam2_demo.safetensors")
        return networks(Path(folder))


def _options(config: DictConfig) -> dict[str, Any]:
    options = OmegaConf.to_container(config, resolve=False)
    assert isinstance(options, dict)
    return {str(key): value for key, value in options.items() if key != "_target_"}


def _propose(world: World, backbone: Dinov2, segmenter: Sam2, description: str) -> list[ImageProposals]:
    return [propose(p, backbone, segmenter, torch.float32) for p in track(world.pictures, description)]


def _perfect_masks(world: World, backbone: Dinov2, through: int) -> list[ImageProposals]:
    pairs = zip(world.targets.images, world.pictures, strict=True)
    return [perfect_masks(picture, world.truth(image_id), backbone, through) for image_id, picture in pairs]


def trained_figures(world: World, weights: Path) -> dict[str, Figures]:
    """Figures by name, in percent: ours at several shot counts, its upper bounds and the colour baseline."""
    backbone, segmenter = networks(weights)
    categories = list(world.categories)
    proposals = _propose(world, backbone, segmenter, "proposals")
    reference = encoded_reference(backbone)
    figures: dict[str, Figures] = {}
    for shots in (1, 3, 10):
        runs = {seed: average_precision(world, proposals, memory(world, reference, shots, seed)) for seed in SEEDS}
        figures[f"{shots} shots, mean of seeds {', '.join(map(str, SEEDS))}"] = {
            key: round(statistics.mean(run[key] for run in runs.values()), 1) for key in runs[SEED]
        }
        if shots == SHOTS:
            figures[f"demo ({shots} shots, seed {SEED})"] = runs[SEED]
    prototypes = memory(world, reference, SHOTS, SEED)
    drawn = _perfect_masks(world, backbone, segmenter.image_size)
    figures["perfect masks"] = average_precision(world, drawn, prototypes)
    pairs = list(zip(world.targets.images, proposals, strict=True))
    labelled = [with_true_classes(found, world.truth(image_id), categories) for image_id, found in pairs]
    figures["perfect classes"] = average_precision(world, labelled, torch.eye(len(categories)))
    coloured = [with_colours(found, picture) for found, picture in zip(proposals, world.pictures, strict=True)]
    colours = memory(world, reference_colour, SHOTS, SEED)
    figures["mean colour instead of features"] = average_precision(world, coloured, colours)
    coloured = [with_colours(found, picture) for found, picture in zip(drawn, world.pictures, strict=True)]
    figures["mean colour, perfect masks"] = average_precision(world, coloured, colours)
    return figures


def untrained_figures(world: World) -> dict[str, Figures]:
    """The same two networks with the weights that training starts from."""
    backbone, segmenter = untrained_networks()
    prototypes = memory(world, encoded_reference(backbone), SHOTS, SEED)
    untrained = _propose(world, backbone, segmenter, "proposals, untrained")
    drawn = _perfect_masks(world, backbone, segmenter.image_size)
    return {
        "untrained networks": average_precision(world, untrained, prototypes),
        "untrained encoder, perfect masks": average_precision(world, drawn, prototypes),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, default=Path("outputs/drawn"))
    parser.add_argument("--weights", type=Path, default=PACKAGE)
    parser.add_argument("--trained-only", action="store_true", help="leave out the untrained networks, which take long")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    world = open_world(arguments.root)
    figures = trained_figures(world, arguments.weights)
    if not arguments.trained_only:
        figures |= untrained_figures(world)
    (arguments.weights / "figures.json").write_text(json.dumps(figures, indent=2) + "\n")
    for name, values in figures.items():
        print(f"{name:45}", "  ".join(f"{key} {value:5.1f}" for key, value in values.items()))


if __name__ == "__main__":
    main()
