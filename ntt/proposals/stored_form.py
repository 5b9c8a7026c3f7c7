"""How the masks and vectors of several images are stored: flat tensors for safetensors files, and back.

Three files, for three readers: matching reads `masks` and `vectors`; an encoder that comes later reads `grid_masks`, of
which it makes `vectors` of its own. T is the number of masks and E of overlapping pairs over all images of a file.
Equal images give equal bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from ntt.masks.compressed import decompress_masks
from ntt.proposals.image_proposals import ImageMasks, ImageProposals
from ntt.proposals.packing import as_tensor, packed, unpacked
from ntt.proposals.stored_pairs import pairs_from_tensors, pairs_to_tensors

_NARROWED = {"boxes_low": torch.int16, "boxes": torch.int32, "areas": torch.int32}
_PER_MASK = ("predicted_iou", "boxes_low", "boxes", "areas")
DIGEST = "grid_digest"


def masks_to_tensors(images: Sequence[ImageMasks], digest: Tensor) -> dict[str, Tensor]:
    """Masks -> `boxes` int32 [T, 4], `rle` uint8 (all encodings joined) with `rle_ends` int64 [T], and so on.

    `count` and `pairs` say how many of the T and E rows belong to each image; :mod:`ntt.proposals.stored_pairs` says
    what a pair takes.

    Args:
        images: of one file.
        digest: of their masks on the grid, see :func:`digest_of`; the vectors' file repeats it.
    """
    encoded = [counts.encode("ascii") for image in images for counts in image.counts]
    tensors = {
        DIGEST: digest,
        "count": torch.tensor([len(image) for image in images]),
        "pairs": torch.tensor([len(image.overlaps.rows) for image in images]),
        "size": torch.tensor([[image.height, image.width] for image in images], dtype=torch.int32),
        **packed("rle", b"".join(encoded), len(images)),
        "rle_ends": torch.tensor([len(e) for e in encoded], dtype=torch.int64).cumsum(0),
    }
    for name in _PER_MASK:
        joined = torch.cat([getattr(image, name) for image in images])
        tensors[name] = joined.to(_NARROWED.get(name, joined.dtype))
    tensors |= pairs_to_tensors([image.overlaps for image in images], [len(image) for image in images])
    return {name: tensor.contiguous() for name, tensor in tensors.items()}


def vectors_to_tensors(vectors: Sequence[Tensor], digest: Tensor) -> dict[str, Tensor]:
    """Vectors -> `vectors` [T, D] and the digest of the masks that they were pooled under.

    Args:
        vectors: [N, D] of each image, in the masks' order; D may be 0 where N is.
        digest: of the masks on the grid.
    """
    some = [each for each in vectors if len(each)]
    width = max((each.shape[1] for each in vectors), default=0)
    return {DIGEST: digest, "vectors": torch.cat(some).contiguous() if some else torch.zeros(0, width)}


def grids_to_tensors(compressed: Sequence[bytes]) -> dict[str, Tensor]:
    """Compressed masks on the grid -> `data` uint8, all images joined, with `ends` int64 [images].

    Args:
        compressed: of each image, by :func:`ntt.masks.compressed.compress_masks`; empty for an image without masks.
    """
    ends = torch.tensor([len(data) for data in compressed], dtype=torch.int64).cumsum(0)
    return {"data": as_tensor(b"".join(compressed)), "ends": ends}


def digest_of(compressed: Sequence[bytes]) -> Tensor:
    """uint8 [32], the SHA-256 of an image file's masks on the grid: by it vectors know the masks they belong to."""
    return as_tensor(hashlib.sha256(b"".join(compressed)).digest())


def belong_together(masks: Mapping[str, Tensor], vectors: Mapping[str, Tensor]) -> bool:
    """Whether the vectors were pooled under just these masks: tensors of both files."""
    return torch.equal(masks[DIGEST], vectors[DIGEST])


def proposals_from_tensors(masks: Mapping[str, Tensor], vectors: Mapping[str, Tensor]) -> list[ImageProposals]:
    """Undo :func:`masks_to_tensors` and :func:`vectors_to_tensors`."""
    per_image = vectors["vectors"].split(masks["count"].tolist())
    return [ImageProposals.of(image, own) for image, own in zip(masks_from_tensors(masks), per_image, strict=True)]


def masks_from_tensors(tensors: Mapping[str, Tensor]) -> list[ImageMasks]:
    """Undo :func:`masks_to_tensors`."""
    counts = tensors["count"].tolist()
    ends = tensors["rle_ends"].tolist()
    joined = unpacked(tensors, "rle").tobytes()
    per_mask = {name: tensors[name].split(counts) for name in _PER_MASK}
    overlaps = pairs_from_tensors(tensors, counts, tensors["pairs"].tolist())
    images, start, byte = [], 0, 0
    for i, count in enumerate(counts):
        encodings = []
        for end in ends[start : start + count]:
            encodings.append(joined[byte:end].decode("ascii"))
            byte = end
        height, width = tensors["size"][i].tolist()
        images.append(
            ImageMasks(
                height,
                width,
                per_mask["predicted_iou"][i],
                per_mask["boxes_low"][i].long(),
                per_mask["boxes"][i].long(),
                per_mask["areas"][i].long(),
                encodings,
                overlaps[i],
            )
        )
        start += count
    return images


class StoredGrids:
    """The masks on the grid of one file's images, decompressed one image at a time.

    Args:
        masks: tensors of :func:`masks_to_tensors`.
        grids: tensors of :func:`grids_to_tensors`.

    Attributes:
        digest: of all of them, for the vectors' file.
    """

    def __init__(self, masks: Mapping[str, Tensor], grids: Mapping[str, Tensor]) -> None:
        self.digest = masks[DIGEST]
        self._data = grids["data"].numpy().tobytes()
        self._ends = [0, *grids["ends"].tolist()]

    def of(self, index: int) -> Tensor:
        """bool [N, m, m] of one image."""
        data = self._data[self._ends[index] : self._ends[index + 1]]
        return decompress_masks(data) if data else torch.zeros(0, 1, 1, dtype=torch.bool)
