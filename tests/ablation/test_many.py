"""All matchers in one pass, and the figures of all seeds in one evaluation: equal to each alone."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from pycocotools import mask as coco_mask

from ntt.ablation.figures import TASKS, measure
from ntt.ablation.many import Matcher, match_many
from ntt.evaluation.coco import evaluate
from ntt.masks.overlaps import mask_overlaps
from ntt.masks.windowed import encode_masks
from ntt.matching.match import match
from ntt.matching.rules import RULES
from ntt.matching.settings import MatchSettings
from ntt.proposals.image_proposals import ImageProposals
from ntt.refining.cleaning import Cleaning, cleaned
from ntt.stages.match import results

IMAGES, CLASSES = 6, 3
CATEGORY_IDS = [3, 7, 8]


def proposals(seed: int) -> ImageProposals:
    """Twenty random rectangles in an image of 24 pixels."""
    generator = torch.Generator().manual_seed(seed)
    starts = torch.randint(0, 14, (20, 2), generator=generator)
    ends = starts + torch.randint(3, 10, (20, 2), generator=generator)
    masks = torch.zeros(20, 24, 24, dtype=torch.bool)
    for mask, (x1, y1), (x2, y2) in zip(masks, starts.tolist(), ends.tolist(), strict=True):
        mask[y1:y2, x1:x2] = True
    boxes = torch.cat([starts, ends - 1], 1)
    counts = [coco_mask.encode(np.asfortranarray(mask.numpy().astype(np.uint8)))["counts"].decode() for mask in masks]
    return ImageProposals(
        height=24,
        width=24,
        predicted_iou=torch.rand(20, generator=generator),
        boxes_low=boxes,
        boxes=boxes,
        areas=masks.flatten(1).sum(1),
        vectors=torch.randn(20, 4, generator=generator),
        counts=counts,
        overlaps=mask_overlaps(encode_masks(masks)),
    )


SHARDS: list[Any] = [
    SimpleNamespace(
        records=[SimpleNamespace(id=10 * start + index) for index in (1, 2)],
        read=lambda start=start: [proposals(2 * start), proposals(2 * start + 1)],
    )
    for start in range(IMAGES // 2)
]


def prototypes(seed: int) -> torch.Tensor:
    return torch.nn.functional.normalize(torch.randn(CLASSES, 4, generator=torch.Generator().manual_seed(seed)), dim=1)


SETTINGS = [
    (MatchSettings(rule=RULES["soft"]()), None),
    (MatchSettings(rule=RULES["soft"]()), None),  # the same once more: no difference
    (MatchSettings(rule=RULES["hard"]()), None),
    (MatchSettings(rule=RULES["none"]()), Cleaning(0.5, 0.0, 0.0, True)),
]
SEEDS = (100, 101)
MATCHERS = [[Matcher(prototypes(seed), *setting) for seed in SEEDS] for setting in SETTINGS]


def truth() -> dict[str, Any]:
    """Every third proposal of each image is an object."""
    images, annotations = [], []
    for shard in SHARDS:
        for record, found in zip(shard.records, shard.read(), strict=True):
            images.append({"id": record.id, "file_name": "", "height": 24, "width": 24})
            for place in range(0, 20, 3):
                x1, y1, x2, y2 = found.boxes[place].tolist()
                annotations.append(
                    {
                        "id": len(annotations) + 1,
                        "image_id": record.id,
                        "category_id": CATEGORY_IDS[place % 2 + (place > 9)],
                        "bbox": [x1, y1, x2 - x1 + 1, y2 - y1 + 1],
                        "area": int(found.areas[place]),
                        "segmentation": found.rle(place),
                        "iscrowd": 0,
                    }
                )
    categories = [{"id": identity, "name": str(identity)} for identity in CATEGORY_IDS]
    return {"images": images, "categories": categories, "annotations": annotations}


def rows_of(one: Matcher) -> list[dict[str, Any]]:
    """The predictions of one matcher alone, as a run makes them."""
    rows: list[dict[str, Any]] = []
    for shard in SHARDS:
        for record, found in zip(shard.records, shard.read(), strict=True):
            some = results(record.id, found, match(found, one.prototypes, one.settings), CATEGORY_IDS)
            if one.cleaning:
                masks, boxes = cleaned([row["segmentation"] for row in some], one.cleaning)
                some = [
                    {**row, "segmentation": mask, "bbox": box}
                    for row, mask, box in zip(some, masks, boxes, strict=True)
                ]
            rows += some
    return rows


def test_every_matcher_finds_what_it_finds_alone() -> None:
    flat = [one for some in MATCHERS for one in some]

    found = list(match_many(SHARDS, flat))

    assert [one.image_id for one in found] == [record.id for shard in SHARDS for record in shard.records]
    for place, matcher in enumerate(flat):
        rows = [
            (one.image_id, CATEGORY_IDS[label], score, *one.shapes[matcher.cleaning][proposal])
            for one in found
            for proposal, label, score in zip(*one.detections[place], strict=True)
        ]
        keys = ("image_id", "category_id", "score", "segmentation", "bbox")
        assert rows == [tuple(row[key] for key in keys) for row in rows_of(matcher)]
        assert rows


def test_the_figures_are_those_of_each_seed_alone_and_nothing_differs_from_itself() -> None:
    flat = [one for some in MATCHERS for one in some]
    found = list(match_many(SHARDS, flat))

    rows = measure(truth(), found, MATCHERS, CATEGORY_IDS, resamples=50)

    for some, row in zip(MATCHERS, rows, strict=True):
        alone = [evaluate(truth(), rows_of(one), "hotcoco") for one in some]
        for task in TASKS:
            assert row[task].seeds == pytest.approx([100 * figures[task]["AP"] for figures in alone], abs=1e-9)
    for task in TASKS:
        base, same, hard, _ = (row[task] for row in rows)
        assert (base.difference, base.low, base.high) == (None, None, None)
        assert (same.difference, same.low, same.high) == (0, 0, 0)
        assert not same.clear
        assert hard.difference == pytest.approx(hard.mean - base.mean, abs=1e-9)
        assert hard.low is not None
        assert hard.high is not None
        assert hard.low <= hard.difference <= hard.high


def test_a_matcher_that_finds_nothing_is_measured_too() -> None:
    none = Matcher(-torch.ones(CLASSES, 4), MatchSettings(rule=RULES["none"](), max_detections=1))
    opposite = [SimpleNamespace(records=s.records, read=lambda s=s: [_positive(p) for p in s.read()]) for s in SHARDS]
    found = list(match_many(opposite, [none, none]))  # type: ignore[arg-type]
    assert not any(scores for one in found for *_, scores in one.detections)

    rows = measure(truth(), found, [[none], [none]], CATEGORY_IDS, resamples=10)

    assert rows[0]["bbox"].mean == 0
    assert rows[1]["segm"].difference == 0


def _positive(found: ImageProposals) -> ImageProposals:
    from dataclasses import replace

    return replace(found, vectors=found.vectors.abs())
