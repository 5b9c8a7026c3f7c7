"""Reference objects as a user of the library gives them, and what the model keeps of each."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from ntt.data.images import load_image
from ntt.errors import InputError, NotFinite
from ntt.memory.crops import crop_window, reference_crop
from ntt.memory.vectors import reference_vector
from ntt.proposals.networks import all_finite, require_finite
from ntt.proposals.prompted import embed_image, segment_objects
from ntt.segmenters.prompts import object_prompt

ImageLike = str | Path | Image.Image | NDArray[np.uint8]
_THUMBNAIL = 64  # pixels of its longer side


def open_image(image: ImageLike) -> tuple[NDArray[np.uint8], str]:
    """RGB, uint8 [H, W, 3], and what to call it.

    Raises:
        InputError: the file cannot be read, or the array is no picture.
    """
    if isinstance(image, (str, Path)):
        return load_image(image), str(image)
    if isinstance(image, Image.Image):
        return np.array(image.convert("RGB")), getattr(image, "filename", "") or ""
    array = np.asarray(image)
    if array.ndim == 2:
        array = np.repeat(array[:, :, None], 3, axis=2)
    if array.ndim != 3 or array.shape[2] != 3 or array.dtype != np.uint8 or 0 in array.shape:
        raise InputError(
            f"An image is a file, a Pillow image or an array uint8 [H, W, 3] in RGB, not {array.dtype} "
            f"{list(array.shape)}."
        )
    return array, ""


@contextmanager
def finite_numbers(source: str) -> Iterator[None]:
    """Name the image, as `source` calls it, for which a network's numbers are not finite.

    Raises:
        NotFinite: in the place of the FloatingPointError that names the network.
    """
    try:
        yield
    except FloatingPointError as error:
        raise NotFinite(str(error), source or "an image") from error


def encode_reference(
    backbone: Any,
    image: NDArray[np.uint8],
    mask: NDArray[np.uint8],
    bbox: Sequence[float],
    context: float,
    source: str = "",
) -> Tensor | None:
    """A reference's vector, float32 [D] on the CPU; None where its mask covers no pixel of the crop.

    Args:
        backbone: the encoder.
        image: uint8 [H, W, 3].
        mask: uint8 [H, W] of 0 and 1.
        bbox: x, y, width, height in pixels.
        context: see :func:`ntt.memory.crops.crop_window`.
        source: what to call the image.

    Raises:
        NotFinite: the encoder gives NaN or infinity.
    """
    crop, soft_mask = reference_crop(image, mask, bbox, context, backbone.image_size, backbone.grid)
    with torch.no_grad(), finite_numbers(source):
        features = backbone(crop.unsqueeze(0))[0]
        require_finite(backbone, bool(all_finite(features)))
        vector = reference_vector(features, soft_mask)
    return None if vector is None else vector.cpu()


def segmented(segmenter: Any, image: NDArray[np.uint8], source: str, prompt: Tensor) -> NDArray[np.uint8]:
    """The mask of the one object that a prompt names, uint8 [H, W] of 0 and 1.

    Args:
        segmenter: the one to ask.
        image: uint8 [H, W, 3].
        source: what to call the image.
        prompt: ``[1, K, 3]`` of :func:`prompt_for`.

    Raises:
        NotFinite: the segmenter gives NaN or infinity.
    """
    from pycocotools import mask as coco_mask

    height, width = image.shape[:2]
    with finite_numbers(source):
        (rle,) = segment_objects(segmenter, embed_image(segmenter, image), prompt, height, width)
    decoded: NDArray[np.uint8] = coco_mask.decode(rle)
    return decoded


def thumbnail(image: NDArray[np.uint8], bbox: Sequence[float], context: float) -> bytes:
    """JPEG of the reference's crop."""
    left, top, right, bottom = crop_window(bbox, image.shape[0], image.shape[1], context)
    small = Image.fromarray(image[top:bottom, left:right])
    small.thumbnail((_THUMBNAIL, _THUMBNAIL), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    small.save(file, "JPEG", quality=80)
    return file.getvalue()


def mask_bbox(mask: NDArray[np.uint8]) -> tuple[float, float, float, float]:
    """x, y, width, height of a mask's pixels, as COCO draws a box: the right and bottom edge lie outside.

    Raises:
        InputError: the mask is empty.
    """
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        raise InputError("A reference's mask has no pixel: give one that covers its object.")
    x, y = float(columns[0]), float(rows[0])
    return x, y, float(columns[-1]) + 1 - x, float(rows[-1]) + 1 - y


def as_mask(mask: object, height: int, width: int) -> NDArray[np.uint8]:
    """A user's mask as uint8 [H, W] of 0 and 1.

    Raises:
        InputError: its shape is not the image's.
    """
    array = np.asarray(mask)
    if array.shape != (height, width):
        raise InputError(f"A mask is an array [H, W] of its image's size [{height}, {width}], not {list(array.shape)}.")
    return (array > 0).astype(np.uint8)


def prompt_for(
    box: Sequence[float] | None,
    points: Sequence[Sequence[float]] | None,
    outside: Sequence[Sequence[float]],
    height: int,
    width: int,
) -> Tensor:
    """One prompt ``[1, K, 3]`` in pixels of an image of ``height`` x ``width``, from a user's box and clicks.

    Raises:
        InputError: they name nothing, or lie outside of the image.
    """
    if box is not None and not (len(box) == 4 and box[0] < box[2] and box[1] < box[3]):
        raise InputError(f"A box is x1, y1, x2, y2 in pixels with x1 < x2 and y1 < y2, not {tuple(box)}.")
    if box is None and not points:
        raise InputError("Name the object by mask=, box=(x1, y1, x2, y2) or points=[(x, y)].")
    prompt = object_prompt(box, points or (), outside)
    limits = torch.tensor([float(width), float(height)])
    if not ((prompt[..., :2] >= 0) & (prompt[..., :2] <= limits)).all():
        raise InputError(f"A box or a point lies outside of the image of {width} x {height} pixels.")
    return prompt
