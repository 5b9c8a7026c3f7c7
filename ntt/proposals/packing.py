"""Bytes of a stored file: as they are, or compressed where an image has so many that it would take too much of a disk.

Reading them back costs milliseconds, so that what most images hold is left as it is: a crowded image with a thousand
masks of a thousand channels then takes less than 3 MB, and an ordinary one is read as fast as before.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

FEW = 320_000  # bytes an image, up to which they are not compressed
_LEVEL = 1  # a higher one takes several times as long and saves a tenth
_COMPRESSED = "_zlib"  # after the name of a tensor


def packed(name: str, data: bytes, images: int) -> dict[str, Tensor]:
    """One uint8 tensor, under the name or, compressed, under the name and `_zlib`.

    Args:
        name: of the tensor.
        data: what is kept.
        images: of the file.
    """
    if len(data) <= FEW * images:
        return {name: as_tensor(data)}
    return {f"{name}{_COMPRESSED}": as_tensor(zlib.compress(data, _LEVEL))}


def unpacked(tensors: Mapping[str, Tensor], name: str) -> NDArray[np.uint8]:
    """Undo :func:`packed`."""
    if name in tensors:
        return tensors[name].numpy()
    return np.frombuffer(zlib.decompress(tensors[f"{name}{_COMPRESSED}"].numpy().data), dtype=np.uint8)


def as_tensor(data: bytes) -> Tensor:
    """uint8, with memory of its own."""
    return torch.from_numpy(np.frombuffer(data, dtype=np.uint8).copy())
