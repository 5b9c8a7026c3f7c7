"""AP of settings over the same stored proposals: ``python -m experiments.ahead``; see README.md beside this file."""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from experiments.ahead.worlds import SPLITS, World, open_world
from ntt.evaluation.coco import evaluate
from ntt.matching.match import match
from ntt.matching.rules import Diffusion, Hard, MergeRule, Nothing, Soft
from ntt.matching.scoring import Cosine, Negatives, Quality, Scoring, Softmax, TopClasses
from ntt.matching.settings import MatchSettings
from ntt.memory.kinds import Mean, MemoryKind
from ntt.memory.several import Nearest, Parts, Whitened
from ntt.refining.cleaning import Cleaning
from ntt.stages.clean import clean
from ntt.stages.match import results

CLEAN = Cleaning(islands=0.5, holes=0.0, trim=0.0, whole_pixels=True)


@dataclass(frozen=True)
class Setting:
    """One row of the table, published but for what is given; each is measured without and with cleaning."""

    name: str
    scoring: Scoring = field(default_factory=Cosine)
    kind: MemoryKind = field(default_factory=Mean)
    rule: MergeRule = field(default_factory=Soft)


SETTINGS = (
    Setting("published"),
    Setting("scoring=quality", Quality()),
    Setting("scoring=softmax", Softmax()),
    Setting("scoring=topk", TopClasses()),
    Setting("scoring=negatives", Negatives()),
    Setting("memory=nearest", kind=Nearest()),
    Setting("memory=nearest_mean", kind=Nearest(mean=0.5)),
    Setting("memory=parts", kind=Parts()),
    Setting("memory=whitened", kind=Whitened()),
    Setting("matcher=diffusion", rule=Diffusion()),
    Setting("matcher=hard", rule=Hard()),
    Setting("matcher=none", rule=Nothing()),
    Setting("scoring=quality memory=nearest_mean", Quality(), Nearest(mean=0.5)),
    Setting("scoring=quality memory=whitened", Quality(), Whitened()),
    Setting("scoring=quality matcher=diffusion", Quality(), rule=Diffusion()),
)


def figures(world: World, setting: Setting) -> list[float]:
    """bbox and segm AP in percent, as matched and cleaned."""
    prototypes = world.bank.prototypes(setting.kind)
    settings = MatchSettings(rule=setting.rule, scoring=setting.scoring)
    rows = []
    for image_id, found in world.images:
        rows += results(image_id, found, match(found, prototypes, settings), world.category_ids)
    both = [evaluate(world.truth, some) for some in (rows, clean(rows, CLEAN))]
    return [100 * metrics[task]["AP"] for metrics in both for task in ("bbox", "segm")]


def cell(values: Sequence[float]) -> str:
    """Mean and deviation over the seeds."""
    spread = f" ± {statistics.stdev(values):.1f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.1f}{spread}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", type=Path, default=Path("outputs/store"), help="where the proposals are or are put")
    parser.add_argument("--split", choices=tuple(SPLITS), default="novel")
    parser.add_argument("--seeds", type=int, nargs="+", default=[33, 42, 13])
    parser.add_argument("--only", nargs="+", help="settings by name, such as published scoring=quality")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    worlds = [open_world(arguments.split, seed, arguments.store) for seed in arguments.seeds]
    header = ["setting", "bbox AP", "segm AP", "cleaned: bbox AP", "cleaned: segm AP"]
    for cells in (header, ["---"] * len(header)):
        print("| " + " | ".join(cells) + " |")
    for setting in (one for one in SETTINGS if not arguments.only or one.name in arguments.only):
        columns = zip(*(figures(world, setting) for world in worlds), strict=True)
        print("| " + " | ".join([f"`{setting.name}`", *map(cell, columns)]) + " |", flush=True)


if __name__ == "__main__":
    main()
