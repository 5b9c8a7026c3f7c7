"""What every setting is measured on: the demo's stored proposals, the memories of several seeds, the ground truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir

from ntt.config import read_config
from ntt.drawn.classes import BASE_CLASSES, NOVEL_CLASSES
from ntt.memory.bank import MemoryBank
from ntt.pipeline import open_stages
from ntt.processes.ranks import current_rank
from ntt.proposals.image_proposals import ImageProposals
from ntt.run import conf_folder
from ntt.stages import memory
from ntt.stages.evaluate import ground_truth
from ntt.stages.shards import shards
from ntt.stages.workspace import Workspace

SPLITS = {"base": BASE_CLASSES, "novel": NOVEL_CLASSES}


@dataclass(frozen=True)
class World:
    """One split of the drawn world with the references of one seed.

    Attributes:
        bank: the references' vectors.
        category_ids: of the classes, in the bank's order.
        images: id and proposals of each target image.
        truth: the COCO dict that predictions are compared with.
    """

    bank: MemoryBank
    category_ids: list[int]
    images: list[tuple[int, ImageProposals]]
    truth: dict[str, Any]


def open_world(split: str, seed: int, store: Path, options: Sequence[str] = ()) -> World:
    """Run the first three stages, which find what is in the store, and read what they made."""
    names = ", ".join(kind.name for kind in SPLITS[split])
    overrides = [
        "+experiment=demo",
        f"split=[{names}]",
        f"seed={seed}",
        f"store.root={store}",
        "memory.shortage=take",
        *options,
    ]
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        config = read_config(compose("config", overrides=[*overrides, "stages=[references,memory,proposals]"]))
    work = Workspace(config, store / "experiment", current_rank())
    work.stages = open_stages(config)
    for stage in work.stages.listed:
        stage.run(work)
    found = [pair for s in shards(work) for pair in zip([r.id for r in s.records], s.read(), strict=True)]
    bank = memory.load(work)
    return World(bank, [work.inputs.target_category[i] for i in bank.category_ids], found, ground_truth(work))
