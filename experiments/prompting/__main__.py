"""Prompts, time and AP of several ways to prompt: ``python -m experiments.prompting``; see README.md beside this file.

By the package's own code, with the demo's networks, references and target images.
"""

from __future__ import annotations

import argparse
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from omegaconf import OmegaConf
from torch import Tensor

from experiments.demo_weights.export import PACKAGE
from experiments.demo_weights.figures import SEED, SHOTS, World, average_precision, memory, open_world
from experiments.demo_weights.figures import networks as demo_networks
from experiments.demo_weights.proposals import encoded_reference
from experiments.demo_weights.sizes import proposal_config, segmenter_config
from ntt.proposals.image_proposals import ImageProposals
from ntt.proposals.networks import EncodedImages, MasksAndVectors, network_input
from ntt.screen.progress import track
from ntt.segmenters.decoding import Embedding, RawProposals
from ntt.segmenters.sam2 import Sam2

FIGURES = ("bbox AP", "bbox AP50", "segm AP", "segm AP50")
# Options of conf/proposals. A plain grid of fewer points is what adaptive prompting has to beat.
SETTINGS: tuple[dict[str, Any], ...] = (
    {"prompts": "grid"},
    *({"points_per_side": side} for side in (11, 8)),
    *({"prompts": "adaptive", "cover_iou": iou} for iou in (0.9, 0.8, 0.7, 0.6)),
    *({"prompts": "adaptive", "resemblance": share} for share in (0.5, 0.25, 0.1)),
)


class CountingSam2(Sam2):
    """Counts the points that it prompts."""

    prompted = 0

    def decode(self, embedding: Embedding, points: Tensor) -> RawProposals:
        self.prompted += len(points)
        return super().decode(embedding, points)


@dataclass
class Setting:
    """One row of the table.

    Attributes:
        options: that differ from the demo's.
        segmenter: with these options.
        proposals: of every image so far.
        seconds: processor time of prompting and of what follows it.
    """

    options: Mapping[str, Any]
    segmenter: CountingSam2
    proposals: list[ImageProposals] = field(default_factory=list)
    seconds: float = 0.0

    def propose(self, encoded: EncodedImages, networks: MasksAndVectors, size: tuple[int, int]) -> None:
        """Prompt for one encoded image of ``size`` (height, width)."""
        prototypes = None if self.segmenter.resemblance is None else networks.prototypes
        began = time.process_time()
        own = replace(networks, segmenter=self.segmenter, prototypes=prototypes)
        made = own.postprocess(own.decode(encoded, 0), *size)
        self.proposals.append(ImageProposals.of(made.masks, made.vectors))
        self.seconds += time.process_time() - began

    def row(self, figures: Mapping[str, float], encoding: float) -> list[str]:
        """The cells, after all images; ``encoding`` is the processor time of both encoders per image."""
        images = len(self.proposals)
        return [
            " ".join(f"`{key}={value}`" for key, value in self.options.items()),
            f"{self.segmenter.prompted / images:.0f}",
            f"{sum(map(len, self.proposals)) / images:.1f}",
            f"{encoding + self.seconds / images:.2f}",
            *(f"{figures[key]:.1f}" for key in FIGURES),
        ]


def measure(world: World, settings: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """The table's rows."""
    backbone, segmenter = demo_networks(PACKAGE)
    prototypes = memory(world, encoded_reference(backbone), SHOTS, SEED)
    networks = MasksAndVectors(backbone, segmenter, torch.float16, prototypes)
    every = [Setting(options, configured(options)) for options in settings]
    encoding = 0.0
    for picture in track(world.pictures, "prompting"):
        began = time.process_time()
        encoded = networks.encode(network_input(picture, segmenter.image_size).unsqueeze(0))
        encoding += time.process_time() - began
        # All settings on one image after the other, so that whatever else the machine does slows them alike.
        for setting in every:
            setting.propose(encoded, networks, (picture.shape[0], picture.shape[1]))
    encoding /= len(world.pictures)
    return [one.row(average_precision(world, one.proposals, prototypes), encoding) for one in every]


def configured(options: Mapping[str, Any]) -> CountingSam2:
    """The demo's segmenter with other options."""
    demo = OmegaConf.to_container(OmegaConf.merge(segmenter_config(), proposal_config()), resolve=True)
    assert isinstance(demo, dict)
    del demo["_target_"]
    return CountingSam2(**{**demo, **options})  # type: ignore[misc]  # keys are strings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, default=Path("outputs/drawn"), help="where the drawn world is or is put")
    parser.add_argument("--limit", type=int, help="only the first N target images")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(1)  # processor time is then what the work would take alone
    world = first_targets(open_world(arguments.root), arguments.limit)
    header = ["segmenter's options", "prompts", "masks kept", "s an image", *FIGURES]
    rows = measure(world, SETTINGS)
    for cells in [header, ["---"] * len(header), *rows]:
        print("| " + " | ".join(cells) + " |")


def first_targets(world: World, count: int | None) -> World:
    """The world with the first target images alone; all of them for None."""
    images = dict(islice(world.targets.images.items(), count))
    annotations = [annotation for annotation in world.targets.annotations if annotation.image_id in images]
    targets = replace(world.targets, images=images, annotations=annotations)
    return replace(world, targets=targets, pictures=world.pictures[:count])


if __name__ == "__main__":
    main()
