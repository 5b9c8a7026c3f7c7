"""Decoding image files of any mode into RGB arrays, and telling the unreadable ones."""

from __future__ import annotations

import hashlib
import logging
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from ntt.data.embedded import image_bytes, open_image
from ntt.data.plugins import WITHOUT_HEIC, known_to_pillow
from ntt.errors import InputError
from ntt.foreign.parsing import parsing
from ntt.foreign.patience import PATIENCE
from ntt.processes.own import OWN

log = logging.getLogger(__name__)
_NARROW = "16-bit pictures are scaled"  # said once a process

_SUFFIXES = """
    .jpg .jpeg .jpe .jfif .mpo .png .webp .bmp .dib .tif .tiff .gif .avif .jp2 .j2k .jpf .jpx .ppm .pgm .pbm .pnm .tga
"""
IMAGE_SUFFIXES = frozenset(_SUFFIXES.split())
"""Lower-case suffixes by which a folder's images are found."""

# Each gets a sentence of its own; want of memory is no fault of the image.
_TOLD_APART = (UnidentifiedImageError, Image.DecompressionBombError, MemoryError)
_EXIF_ORIENTATION = 0x0112
_TO_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class UnreadableImage(InputError):
    """An image file that cannot be used; ``path`` and ``reason`` tell which and why."""

    def __init__(self, path: str | Path, reason: str) -> None:
        # Both go to Exception.args, so that the error survives the way back from a worker process.
        super().__init__(path, reason)
        self.path = Path(path)
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path}: unreadable image: {self.reason}"


class LostImage(UnreadableImage):
    """An image whose bytes could not be had, or are others than those asked for: nothing is known of what they hold."""


def load_image(path: str | Path, size: tuple[int, int] | None = None, digest: str | None = None) -> NDArray[np.uint8]:
    """Decode an image file to RGB, uint8 [H, W, 3].

    The EXIF orientation is applied, unless ``size``, the annotated ``(height, width)``, fits only the picture
    as stored: annotations made on the stored pixels must stay on them. Alpha is dropped, as Pillow's own
    conversion to RGB does. 16 bits become 8 by the range that the file uses: all of it, or its lowest 8 to 14 bits,
    as cameras of 10, 12 or 14 bits write them; the first such file is named in the log.

    Args:
        path: of the file.
        size: the annotated ``(height, width)``.
        digest: sha256 of the bytes that are meant.

    Raises:
        LostImage: the file is missing or cannot be read, also after some tries, or has other bytes than ``digest``.
        UnreadableImage: its bytes are empty, no image, truncated, too large to decode safely, without
            a defined meaning in 8-bit RGB, or their size is not the annotated one.
    """
    path = Path(path)
    known_to_pillow(path)
    content = _content(path)
    if digest is not None and hashlib.sha256(content).hexdigest() != digest:
        raise LostImage(path, "it was replaced by another file since its checksum was computed; run again")
    try:
        with parsing(lambda reason: UnreadableImage(path, f"it is damaged or unsupported ({reason})"), _TOLD_APART):
            return _decoded(content, path, size)
    except UnidentifiedImageError as error:
        reason = "it is no image of a known format" if known_to_pillow(path) else WITHOUT_HEIC
        raise UnreadableImage(path, reason if content else "the file is empty") from error
    except Image.DecompressionBombError as error:
        raise UnreadableImage(path, f"it has too many pixels to decode safely ({error})") from error


def _content(path: Path) -> bytes:
    # Read whole before it is decoded: only then is it known whether the bytes or the file system are to blame.
    try:
        return PATIENCE.of(path.read_bytes)
    except FileNotFoundError as error:
        raise LostImage(path, "the file does not exist") from error
    except OSError as error:
        raise LostImage(path, f"the file cannot be read ({error.strerror or error})") from error
    except ValueError as error:  # a zero byte, half a character
        raise UnreadableImage(path, "no file can be called so") from error


def _decoded(content: bytes, path: Path, size: tuple[int, int] | None) -> NDArray[np.uint8]:
    with Image.open(BytesIO(image_bytes(path, content))) as stored:
        if size is not None and sorted(size) != sorted(stored.size):
            raise UnreadableImage(path, _disagreement(stored, size))
        deep = ";16" in str(stored.tile)  # of colours Pillow keeps the higher byte only
        stored.load()
        image = _upright(stored)
        if size is not None and (image.height, image.width) != size:
            image = stored
        if size is not None and (image.height, image.width) != size:
            raise UnreadableImage(path, _disagreement(stored, size))
        return _from_deep_colours(path, image) if deep and not image.mode.startswith("I") else _rgb(path, image)


def stored_size(path: str | Path) -> tuple[int, int] | None:
    """(height, width) of the upright picture in pixels, from the file's header; None if it cannot be read."""
    known_to_pillow(Path(path))
    try:
        with open_image(path) as image:
            turned = _orientation(image) in (5, 6, 7, 8)
            return (image.width, image.height) if turned else (image.height, image.width)
    except Exception:  # Decoders fail on damaged files with whatever their parser happens to raise.
        return None


def _orientation(image: Image.Image) -> int:
    try:
        orientation = image.getexif().get(_EXIF_ORIENTATION)
    except Exception:  # Damaged metadata is no reason to refuse sound pixels.
        return 1
    return orientation if isinstance(orientation, int) else 1


def _upright(stored: Image.Image) -> Image.Image:
    transpose = _TO_UPRIGHT.get(_orientation(stored))
    return stored if transpose is None else stored.transpose(transpose)


def _rgb(path: Path, image: Image.Image) -> NDArray[np.uint8]:
    if image.mode.startswith("I"):
        return _grey_16_bit(path, image)
    if image.mode == "F":
        raise ValueError("floating-point pixels have no defined range")
    # Alpha is dropped, not composited: a photograph has no background to lay it on, and compositing on an
    # invented one would draw edges that are not there. Without the pop Pillow warns about palette images.
    image.info.pop("transparency", None)
    return np.array(image.convert("RGB"))


def _grey_16_bit(path: Path, image: Image.Image) -> NDArray[np.uint8]:
    # Pillow's own conversion clips at 255, which turns almost every 16-bit picture white.
    grey = np.asarray(image).astype(np.int64)  # [H, W]
    if grey.min() < 0 or grey.max() > 65535:
        raise ValueError("32-bit pixels outside 0..65535 have no defined range")
    most = _range(path, int(grey.max()), 16)
    rounded = ((2 * 255 * grey + most) // (2 * most)).astype(np.uint8)
    return np.repeat(rounded[:, :, None], 3, axis=2)


def _from_deep_colours(path: Path, image: Image.Image) -> NDArray[np.uint8]:
    """Colours of 16 bits of which the higher byte is left: 12 bits of signal in it are 4, and look black."""
    colours = _rgb(path, image).astype(np.int64)
    most = _range(path, int(colours.max()), 8)
    return ((2 * 255 * colours + most) // (2 * most)).astype(np.uint8)


def _range(path: Path, brightest: int, bits: int) -> int:
    """What becomes 255: all that the bits can hold, or less where their two highest are never used."""
    used = max(bits - 8, brightest.bit_length(), 1)
    if used > bits - 2 or not brightest:
        return int(2**bits - 1)
    if _NARROW not in OWN.said:
        OWN.said.add(_NARROW)
        log.warning(
            "%s: a 16-bit picture of which only the lowest %d bits are used; such pictures are scaled by the range "
            "that they use, or they would be nearly black",
            *(path, used + 16 - bits),
        )
    return int(2**used - 1)


def _disagreement(stored: Image.Image, annotated: tuple[int, int]) -> str:
    height, width = annotated
    return f"it is {stored.width} px wide and {stored.height} high, its annotations say {width} and {height}"
