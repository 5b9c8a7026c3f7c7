"""All that later stages need of an image: its masks, and their vectors."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ntt.masks.overlaps import Overlaps


@dataclass(frozen=True)
class ImageMasks:
    """The class-agnostic masks of one image, in prompt order; N may be 0. No encoder has a part in them.

    Attributes:
        height, width: of the image, in pixels.
        predicted_iou: float32 [N], the segmenter's own estimate.
        boxes_low: int64 [N, 4], xyxy inclusive extents on the segmenter's mask grid.
        boxes: int64 [N, 4], xyxy inclusive extents of the final masks, in pixels of the image.
        areas: int64 [N], pixels of the final masks.
        counts: N run-length encodings of the final masks, COCO's compressed form.
        overlaps: intersections of the final masks.
    """

    height: int
    width: int
    predicted_iou: Tensor
    boxes_low: Tensor
    boxes: Tensor
    areas: Tensor
    counts: list[str]
    overlaps: Overlaps

    def __len__(self) -> int:
        return len(self.counts)

    @staticmethod
    def nothing(height: int, width: int) -> ImageMasks:
        """An image without masks: a legal result, and what stands for an unreadable file."""
        box = torch.zeros(0, 4, dtype=torch.int64)
        empty = torch.zeros(0, dtype=torch.int64)
        none = Overlaps(empty.short(), empty.short(), empty.int())
        return ImageMasks(height, width, torch.zeros(0), box, box, empty, [], none)


@dataclass(frozen=True)
class ImageProposals:
    """The proposals of one image: its masks (:class:`ImageMasks`) with a vector for each.

    Attributes:
        height, width, predicted_iou, boxes_low, boxes, areas, counts, overlaps: of the masks.
        vectors: [N, D], L2-normalised, as stored (float16 or float32).
    """

    height: int
    width: int
    predicted_iou: Tensor
    boxes_low: Tensor
    boxes: Tensor
    areas: Tensor
    vectors: Tensor
    counts: list[str]
    overlaps: Overlaps

    def __len__(self) -> int:
        return len(self.counts)

    def rle(self, index: int) -> dict:
        """The final mask of one proposal as a COCO segmentation."""
        return {"size": [self.height, self.width], "counts": self.counts[index]}

    @staticmethod
    def of(masks: ImageMasks, vectors: Tensor) -> ImageProposals:
        """Masks and the vectors pooled under them."""
        return ImageProposals(**vars(masks), vectors=vectors)
