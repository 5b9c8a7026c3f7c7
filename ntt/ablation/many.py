"""Many memories, matchers and seeds in one pass over the shards: each shard is read once, whatever is asked of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ntt.matching.match import match
from ntt.matching.settings import MatchSettings
from ntt.processes.own import OWN
from ntt.refining.cleaning import Cleaning, cleaned
from ntt.stages.match import one_thread
from ntt.stages.shards import Shard


@dataclass(frozen=True)
class Matcher:
    """One thing to match with.

    Attributes:
        prototypes: [C, D] or [C, K, D], as :func:`ntt.matching.match.match` takes them.
        settings: of the matcher and of the scores.
        cleaning: what is done to masks and boxes afterwards, if anything.
    """

    prototypes: Tensor
    settings: MatchSettings
    cleaning: Cleaning | None = None


@dataclass(frozen=True)
class Found:
    """What all matchers say of one image.

    Attributes:
        image_id: of the image.
        shapes: cleaning -> proposal -> segmentation (RLE) and box (x, y, width, height); what any matcher put out.
        detections: of each matcher the proposals, labels and scores, best first.
    """

    image_id: int
    shapes: dict[Cleaning | None, dict[int, tuple[dict[str, Any], list[float]]]]
    detections: list[tuple[list[int], list[int], list[float]]]


def match_many(shards: Sequence[Shard], matchers: Sequence[Matcher], workers: int = 1) -> Iterator[Found]:
    """Match every image with every matcher; equal to matching with each of them alone.

    A proposal's mask does not depend on who found it, so cleaning costs once for all matchers.

    Args:
        shards: of the target images, made already.
        matchers: what to match with.
        workers: processes.

    Yields:
        One image after the other, in the shards' order.
    """
    match_one = partial(_match_shard, matchers=list(matchers))
    threads = torch.get_num_threads()
    one_thread()  # as the stage has it: sums in another order would be other scores
    try:
        several = map(match_one, shards) if workers == 1 else OWN.matching.map(match_one, shards, workers, one_thread)
        for images in several:
            yield from images
    finally:
        torch.set_num_threads(threads)


def _match_shard(shard: Shard, matchers: list[Matcher]) -> list[Found]:
    images = []
    for record, proposals in zip(shard.records, shard.read(), strict=True):
        detections = []
        used: dict[Cleaning | None, set[int]] = {one.cleaning: set() for one in matchers}
        for one in matchers:
            found = match(proposals, one.prototypes, one.settings)
            detections.append((found.proposals.tolist(), found.labels.tolist(), found.scores.tolist()))
            used[one.cleaning].update(detections[-1][0])
        shapes: dict[Cleaning | None, dict[int, tuple[dict[str, Any], list[float]]]] = {}
        for cleaning, some in used.items():
            places = sorted(some)
            masks = [proposals.rle(place) for place in places]
            if cleaning is None:
                corners = [proposals.boxes[place].tolist() for place in places]
                boxes = [[x1, y1, x2 - x1, y2 - y1] for x1, y1, x2, y2 in corners]
            else:
                masks, boxes = cleaned(masks, cleaning)
            shapes[cleaning] = dict(zip(places, zip(masks, boxes, strict=True), strict=True))
        images.append(Found(record.id, shapes, detections))
    return images
