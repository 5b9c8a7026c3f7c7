"""All that later stages need of an image, and how several images share one file on disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ntt.masks.overlaps import Overlaps


@dataclass(frozen=True)
class ImageProposals:
    """The class-agnostic proposals of one image, in prompt order; N may be 0.

    Attributes:
        height, width: of the image, in pixels.
        predicted_iou: float32 [N], the segmenter's own estimate.
        boxes_low: int64 [N, 4], xyxy inclusive extents on the segmenter's mask grid.
        boxes: int64 [N, 4], xyxy inclusive extents of the final masks, in pixels of the image.
        areas: int64 [N], pixels of the final masks.
        vectors: [N, D], L2-normalised, as stored (float16 or float32).
        counts: N run-length encodings of the final masks, COCO's compressed form.
        overlaps: intersections of the final masks.
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
    def nothing(height: int, width: int) -> ImageProposals:
        """An image without proposals: a legal result, and what stands for an unreadable file."""
        box = torch.zeros(0, 4, dtype=torch.int64)
        empty = torch.zeros(0, dtype=torch.int64)
        none = Overlaps(empty.short(), empty.short(), empty.int())
        return ImageProposals(height, width, torch.zeros(0), box, box, empty, torch.zeros(0, 0), [], none)


_PAIRS = ("rows", "cols", "intersections")
_STORED = {"boxes_low": torch.int16, "boxes": torch.int32, "areas": torch.int32}


def pack(images: Sequence[ImageProposals]) -> dict[str, Tensor]:
    """Images -> flat tensors for one safetensors file; equal images give equal bytes.

    T is the number of proposals and E of overlapping pairs over all images: `vectors` [T, D], `boxes` int32 [T, 4],
    `rle` uint8 (all encodings joined) with `rle_ends` int64 [T], and so on; `count` and `pairs` say how many of the T
    and E rows belong to each image.
    """
    encoded = [counts.encode("ascii") for image in images for counts in image.counts]
    width = max((image.vectors.shape[1] for image in images), default=0)
    vectors = [image.vectors for image in images if len(image)]
    tensors = {
        "count": torch.tensor([len(image) for image in images]),
        "pairs": torch.tensor([len(image.overlaps.rows) for image in images]),
        "size": torch.tensor([[image.height, image.width] for image in images], dtype=torch.int32),
        "predicted_iou": torch.cat([image.predicted_iou for image in images]),
        "vectors": torch.cat(vectors) if vectors else torch.zeros(0, width),
        "rle": torch.from_numpy(np.frombuffer(b"".join(encoded), dtype=np.uint8).copy()),
        "rle_ends": torch.tensor([len(e) for e in encoded], dtype=torch.int64).cumsum(0),
    }
    for name, dtype in _STORED.items():
        tensors[name] = torch.cat([getattr(image, name) for image in images]).to(dtype)
    for name in _PAIRS:
        tensors[f"overlap_{name}"] = torch.cat([getattr(image.overlaps, name) for image in images])
    return {name: tensor.contiguous() for name, tensor in tensors.items()}


def unpack(tensors: Mapping[str, Tensor]) -> list[ImageProposals]:
    """Undo :func:`pack`."""
    counts = tensors["count"].tolist()
    ends = tensors["rle_ends"].tolist()
    joined = tensors["rle"].numpy().tobytes()
    per_proposal = {
        name: tensors[name].split(counts) for name in ("predicted_iou", "vectors", "boxes_low", "boxes", "areas")
    }
    pairs = tensors["pairs"].tolist()
    per_pair = [tensors[f"overlap_{name}"].split(pairs) for name in _PAIRS]
    images, start, byte = [], 0, 0
    for i, count in enumerate(counts):
        encodings = []
        for end in ends[start : start + count]:
            encodings.append(joined[byte:end].decode("ascii"))
            byte = end
        height, width = tensors["size"][i].tolist()
        images.append(
            ImageProposals(
                height,
                width,
                per_proposal["predicted_iou"][i],
                per_proposal["boxes_low"][i].long(),
                per_proposal["boxes"][i].long(),
                per_proposal["areas"][i].long(),
                per_proposal["vectors"][i],
                encodings,
                Overlaps(*(part[i] for part in per_pair)),
            )
        )
        start += count
    return images
