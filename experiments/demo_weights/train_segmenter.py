"""Train the small SAM 2: ``python -m experiments.demo_weights.train_segmenter``."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

import torch

from experiments.demo_weights.loop import Schedule, fit
from experiments.demo_weights.optimizer import MuonAdamW
from experiments.demo_weights.scenes import load_scenes
from experiments.demo_weights.segmenter import SegmenterTraining, check_segmenter, training_losses

SEED = 1


def build(matrix_rate: float = 1e-3, other_rate: float = 1e-3) -> tuple[SegmenterTraining, MuonAdamW]:
    """The network at its first step, and its optimiser."""
    torch.manual_seed(SEED)
    training = SegmenterTraining().train()
    return training, MuonAdamW(dict(training.named_parameters()), matrix_rate, other_rate, weight_decay=0.02)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("outputs/demo_weights"))
    parser.add_argument("--steps", type=int, default=8500)
    parser.add_argument("--window-steps", type=int, default=1800)
    parser.add_argument("--extents-from", type=int, default=6000, help="step from which boxes count too")
    parser.add_argument("--scenes", type=int, default=6000)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    scenes = load_scenes(arguments.folder, "train", arguments.scenes)
    held_out = load_scenes(arguments.folder, "check", 200)
    training, optimizer = build()
    fit(
        lambda step: training_losses(training, scenes, step, SEED, arguments.window_steps, arguments.extents_from),
        lambda: check_segmenter(training, held_out),
        optimizer,
        Schedule(arguments.steps),
        arguments.folder,
        "segmenter",
    )


if __name__ == "__main__":
    main()
