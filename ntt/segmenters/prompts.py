"""Prompts of SAM 2 as tensors: points, boxes, or both for one object.

A prompt is K labelled places, ``[K, 3]``: x, y and label, in pixels of the segmenter's input. Labels are SAM 2's own:
1 inside the object, 0 outside of it, 2 and 3 the top left and the bottom right corner of its box. All prompts that are
decoded together have equally many places; the library adds one token that is no point, as its image predictor does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from sam2.modeling.sam.prompt_encoder import PromptEncoder

OUTSIDE, INSIDE, TOP_LEFT, BOTTOM_RIGHT = 0, 1, 2, 3


def point_prompts(points: Tensor) -> Tensor:
    """One positive point per object: ``[P, 2]`` -> ``[P, 1, 3]``."""
    return labelled(points.unsqueeze(1), (INSIDE,))


def box_prompts(boxes: Tensor) -> Tensor:
    """One box per object: ``[P, 4]`` as x1, y1, x2, y2 -> ``[P, 2, 3]``."""
    return labelled(boxes.unflatten(1, (2, 2)), (TOP_LEFT, BOTTOM_RIGHT))


def labelled(places: Tensor, labels: tuple[int, ...]) -> Tensor:
    """Places ``[P, K, 2]`` with the same K labels for each object -> ``[P, K, 3]``."""
    column = places.new_tensor(labels).view(1, -1, 1).expand(len(places), -1, 1)
    return torch.cat([places, column], dim=2)


def object_prompt(
    box: Sequence[float] | None, inside: Sequence[Sequence[float]], outside: Sequence[Sequence[float]] = ()
) -> Tensor:
    """The prompt ``[1, K, 3]`` of one object: its box x1, y1, x2, y2 where there is one, then clicks (x, y)."""
    parts = [box_prompts(torch.tensor([list(map(float, box))]))] if box is not None else []
    for some, label in ((inside, INSIDE), (outside, OUTSIDE)):
        if some:
            parts.append(labelled(torch.tensor([[list(map(float, click)) for click in some]]), (label,) * len(some)))
    return torch.cat(parts, dim=1)


def scaled(prompts: Tensor, height: int, width: int, image_size: int) -> Tensor:
    """From pixels of an image of ``height`` x ``width`` to those of the segmenter's square input."""
    factors = prompts.new_tensor([image_size / width, image_size / height, 1.0])
    return prompts * factors


def embed_prompts(encoder: PromptEncoder, prompts: Tensor) -> Tensor:
    """The prompts' tokens ``[P, K + 1, D]``, by the library's own encoder."""
    places, labels = prompts[..., :2], prompts[..., 2].nan_to_num().to(torch.int32)
    tokens: Tensor = encoder(points=(places, labels), boxes=None, masks=None)[0]
    return tokens
