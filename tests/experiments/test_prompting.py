"""The comparison of ways to prompt: what it counts, and what it scores."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from experiments.demo_weights.figures import World
from experiments.prompting import __main__ as prompting
from ntt.data.coco import Annotation, CocoDataset, ImageRecord
from ntt.drawn.classes import NOVEL_CLASSES
from ntt.drawn.scenes import SCENE_SIZE, draw_scene
from ntt.proposals.image_proposals import ImageProposals


def world_of(count: int) -> World:
    """That many drawn pictures with an annotation each, and no references."""
    images = {i: ImageRecord(i, f"{i}.png", SCENE_SIZE, SCENE_SIZE) for i in range(1, count + 1)}
    annotations = [Annotation(10 * i, i, 1, (0.0, 0.0, 9.0, 9.0), None, 81.0, False) for i in images]
    dataset = CocoDataset(Path("none.json"), "", images, annotations, {1: "one"})
    weights = [1.0] * len(NOVEL_CLASSES)
    pictures = [draw_scene(NOVEL_CLASSES, weights, (7, number)).image for number in range(count)]
    return World(Path("none"), dataset, dataset, {1: "one"}, pictures)


def test_prompts_and_masks_are_counted_per_image(monkeypatch: pytest.MonkeyPatch) -> None:
    prototypes = F.normalize(torch.randn(2, 128, generator=torch.Generator().manual_seed(0)), dim=1)
    scored: list[list[int]] = []

    def average_precision(_: World, proposals: Sequence[ImageProposals], of: Tensor) -> dict[str, float]:
        assert of is prototypes
        scored.append([len(found) for found in proposals])
        return {name: 10.0 * len(scored) for name in prompting.FIGURES}

    monkeypatch.setattr(prompting, "memory", lambda *_: prototypes)
    monkeypatch.setattr(prompting, "average_precision", average_precision)
    settings = ({"points_per_side": 8}, {"points_per_side": 8, "prompts": "adaptive", "resemblance": 0.3})

    grid, resembling = prompting.measure(world_of(2), settings)

    assert grid[:2] == ["`points_per_side=8`", "64"]
    assert resembling[0] == "`points_per_side=8` `prompts=adaptive` `resemblance=0.3`"
    assert 16 < float(resembling[1]) < 16 + 0.3 * 64 + 1
    assert [float(row[2]) for row in (grid, resembling)] == [sum(counts) / 2 for counts in scored]
    assert all(0 < few <= many for many, few in zip(*scored, strict=True))
    assert (grid[4:], resembling[4:]) == (["10.0"] * 4, ["20.0"] * 4)


def test_first_targets_leave_out_pictures_records_and_objects_alike() -> None:
    world = world_of(3)

    some = prompting.first_targets(world, 2)

    assert list(some.targets.images) == [1, 2]
    assert [annotation.image_id for annotation in some.targets.annotations] == [1, 2]
    assert len(some.pictures) == 2
    assert prompting.first_targets(world, None).targets.images == world.targets.images
