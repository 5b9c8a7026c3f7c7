"""What a precision does to the output: ``python -m experiments.precision.compare IMAGES [option=value ...]``.

Options are those of ``python -m ntt.run``; see README.md beside this file.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import torch
from hydra import compose, initialize_config_dir

from experiments.precision.agreement import common, detection_agreement, proposal_agreement, stand_in_prototypes
from experiments.precision.random_weights import random_backbone, random_segmenter
from experiments.precision.recorder import PromptRecorder, Seen, look
from ntt.config import RunConfig, read_config
from ntt.data.images import IMAGE_SUFFIXES
from ntt.processes.ranks import Rank
from ntt.run import conf_folder
from ntt.screen.progress import track
from ntt.stages.workspace import Workspace


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("images", type=Path, help="folder of images")
    parser.add_argument("options", nargs="*", help="as for ntt.run: backbone=dinov2_vits14 device=cpu ...")
    parser.add_argument("--limit", type=int, help="only the first N images by name")
    parser.add_argument("--precisions", nargs=2, default=["fp32", "bf16"], metavar=("FIRST", "SECOND"))
    parser.add_argument("--classes", type=int, default=8, help="classes to match against (clusters of the proposals)")
    parser.add_argument("--random", type=int, metavar="SEED", help="random weights in the configured sizes")
    arguments = parser.parse_intermixed_args()
    files = sorted(path for path in arguments.images.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES)
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        config = read_config(compose("config", arguments.options))
    with tempfile.TemporaryDirectory() as folder:
        config.store.root = folder
        if arguments.random is not None:
            write_random_weights(config, arguments.random, Path(folder))
        first, second = (see(config, precision, files[: arguments.limit]) for precision in arguments.precisions)
    pairs = list(zip(first, second, strict=True))
    if not any(len(common(mine.prompts, theirs.prompts)[0]) for mine, theirs in pairs):
        parser.error("no proposal is in both: there is nothing to compare")
    figures = proposal_agreement(pairs)
    figures |= detection_agreement(pairs, stand_in_prototypes(pairs, arguments.classes))
    against = " against ".join(arguments.precisions)
    print(f"{config.backbone.name}, {config.segmenter.name}, {against}, {len(pairs)} images")
    for name, value in figures.items():
        print(f"  {name:34} {value:.4f}" if isinstance(value, float) else f"  {name:34} {value}")


def write_random_weights(config: RunConfig, seed: int, folder: Path) -> None:
    """Checkpoints of both networks in ``folder``, and the config pointed at them."""
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)  # what is not drawn here keeps the segmenter's own start
    config.backbone.weights, config.segmenter.weights = str(folder / "backbone.pth"), str(folder / "segmenter.pt")
    torch.save(random_backbone(config.backbone, generator), config.backbone.weights)
    torch.save({"model": random_segmenter(config.segmenter, generator)}, config.segmenter.weights)


def see(config: RunConfig, precision: str, files: list[Path]) -> list[Seen]:
    """What networks in ``precision`` make of each image."""
    work = Workspace(replace(config, precision=precision), Path(config.store.root), Rank())
    recorder = PromptRecorder(work.segmenter)
    return [look(path, work.backbone, recorder) for path in track(files, precision)]


if __name__ == "__main__":
    main()
