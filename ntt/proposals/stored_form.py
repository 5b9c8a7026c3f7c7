"""How the masks and vectors of several images are stored: flat tensors for safetensors files, and back.

Three files, for three readers: matching reads `masks` and `vectors`; an encoder that comes later reads `grid_masks`, of
which it makes `vectors` of its own. T is the number of masks and E of overlapping pairs over all images of a file.
Equal images give equal bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from ntt.masks.compressed import decompress_masks
from ntt.masks.overlaps import Overlaps
from ntt.proposals.image_proposals import ImageMasks, ImageProposals

_NARROWED = {"boxes_low": torch.int16, "boxes": torch.int32, "areas": torch.int32}
_PER_MASK = ("predicted_iou", "boxes_low", "boxes", "areas")
DIGEST = "grid_digest"


def masks_to_tensors(images: Sequence[ImageMasks], digest: Tensor) -> dict[str, Tensor]:
    """Masks -> `boxes` int32 [T, 4], `rle` uint8 (all encodings joined) with `rle_ends` int64 [T], and so on.

    `count` and `pairs` say how many of the T and E rows belong to each image. A pair takes five bytes: two for the
    second mask's index and three for the pixels that both share (four where a mask has 2 ** 24); first masks say
    how many pairs they begin.

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
        "rle": _bytes(b"".join(encoded)),
        "rle_ends": torch.tensor([len(e) for e in encoded], dtype=torch.int64).cumsum(0),
    }
    for name in _PER_MASK:
        joined = torch.cat([getattr(image, name) for image in images])
        tensors[name] = joined.to(_NARROWED.get(name, joined.dtype))
    tensors |= _pairs_to_tensors([image.overlaps for image in images], [len(image) for image in images])
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
    return {"data": _bytes(b"".join(compressed)), "ends": ends}


def digest_of(compressed: Sequence[bytes]) -> Tensor:
    """uint8 [32], the SHA-256 of an image file's masks on the grid: by it vectors know the masks they belong to."""
    return _bytes(hashlib.sha256(b"".join(compressed)).digest())


def belong_together(masks: Mapping[str, Tensor], vectors: Mapping[str, Tensor]) -> bool:
    """Whether the vectors were pooled under just these masks: tensors of both files."""
    return torch.equal(masks[DIGEST], vectors[DIGEST])


def proposals_from_tensors(masks: Mapping[str, Tensor], vectors: Mapping[str, Tensor]) -> list[ImageProposals]:
    """Undo :func:`masks_to_tensors` and :func:`vectors_to_tensors`."""
    per_image = vectors["vectors"].split(masks["count"].tolist())
    return [ImageProposals.of(image, own) for image, own in zip(masks_from_tensors(masks), per_image, strict=True)]


def _pairs_to_tensors(overlaps: Sequence[Overlaps], counts: Sequence[int]) -> dict[str, Tensor]:
    shared = torch.cat([each.intersections for each in overlaps]).int()
    high = shared >> 16
    width = torch.uint8 if high.numel() == 0 or int(high.max()) < 256 else torch.int16
    begun = [each.rows.long().bincount(minlength=count) for each, count in zip(overlaps, counts, strict=True)]
    return {
        "overlap_begun": torch.cat(begun).int(),  # [T], pairs of which a mask is the first: they lie together
        "overlap_cols": torch.cat([each.cols for each in overlaps]),  # [E]
        "overlap_low": shared.to(torch.int16),  # [E], the lower 16 bits of the intersection
        "overlap_high": high.to(width),  # [E], the higher ones
    }


def _pairs_from_tensors(tensors: Mapping[str, Tensor], counts: Sequence[int]) -> list[Overlaps]:
    shared = (tensors["overlap_high"].int() << 16) | (tensors["overlap_low"].int() & 0xFFFF)
    pairs, cols = tensors["pairs"].tolist(), tensors["overlap_cols"]
    begun = tensors["overlap_begun"].split(list(counts))
    rows = [torch.arange(len(each), dtype=cols.dtype).repeat_interleave(each) for each in begun]
    return [Overlaps(*parts) for parts in zip(rows, cols.split(pairs), shared.split(pairs), strict=True)]


def masks_from_tensors(tensors: Mapping[str, Tensor]) -> list[ImageMasks]:
    """Undo :func:`masks_to_tensors`."""
    counts = tensors["count"].tolist()
    ends = tensors["rle_ends"].tolist()
    joined = tensors["rle"].numpy().tobytes()
    per_mask = {name: tensors[name].split(counts) for name in _PER_MASK}
    overlaps = _pairs_from_tensors(tensors, counts)
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


def _bytes(data: bytes) -> Tensor:
    return torch.from_numpy(np.frombuffer(data, dtype=np.uint8).copy())
