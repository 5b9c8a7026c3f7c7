"""Adaptive prompting: a coarse grid first, then the other points only where no good mask covers them yet.

An option beside the published grid, which prompts every point (docs/method.md, section 4.3). It only leaves
prompts out, so each of its masks is one that the full grid yields too; what it may miss is an object inside a mask of
another (docs/method.md, section 6.3).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ntt.segmenters.decoding import RawProposals


@dataclass(frozen=True)
class Cover:
    """Which masks spare the points inside them a prompt.

    Attributes:
        iou: exclusive lower bound of a mask's predicted IoU.
        area: upper bound of its share of the image; a larger mask is often of the ground that objects lie on.
    """

    iou: float
    area: float

    def covered(self, found: RawProposals, points: Tensor, image_size: int) -> Tensor:
        """Which points lie inside a mask that spares them.

        Args:
            found: masks on the grid of side m.
            points: ``[P, 2]``, (x, y) in pixels of the segmenter's input.
            image_size: side of that input.

        Returns:
            bool ``[P]``, where ``points`` are.
        """
        m = found.logits.shape[-1]
        pixels = (found.logits > 0).flatten(1)  # [N, m * m]
        good = (found.predicted_iou > self.iou) & (pixels.sum(1) <= self.area * m * m)
        x, y = (points * (m / image_size)).long().clamp(0, m - 1).to(pixels.device).unbind(1)
        return pixels[good][:, y * m + x].any(0).to(points.device)


def propose_adaptively(
    decode: Callable[[Tensor], RawProposals], points: Tensor, coarse: Tensor, image_size: int, cover: Cover
) -> RawProposals:
    """The masks of the coarse points, then those of the other points that none of the former covers.

    Args:
        decode: points ``[p, 2]`` -> at most one mask for each, in their order.
        points: ``[P, 2]``, (x, y) in pixels of the segmenter's input.
        coarse: bool ``[P]``, which points are prompted first.
        image_size: side of that input.
        cover: which masks cover.

    Returns:
        Some of ``decode(points)``: the coarse points' first, each of the two groups in the points' order.
    """
    first, others = decode(points[coarse]), points[~coarse]
    second = decode(others[~cover.covered(first, others, image_size)])
    return RawProposals(
        torch.cat([first.logits, second.logits]), torch.cat([first.predicted_iou, second.predicted_iou])
    )
