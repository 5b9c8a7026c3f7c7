"""The photographs that the page may show: those of the opened folder, and those that were dropped onto the page."""

from __future__ import annotations

import hashlib
import io
import re
import threading
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ntt.data.coco import ImageRecord
from ntt.data.images import UnreadableImage, load_image, stored_size
from ntt.data.readers.images import Reader
from ntt.errors import InputError
from ntt.foreign.parsing import parsing

MOST_BYTES = 64 * 2**20
"""Of one picture that is dropped onto the page."""

MOST_PIXELS = 64_000_000
"""Likewise: a small file can decode to gigabytes."""

KINDS = {"JPEG": ".jpg", "PNG": ".png", "WEBP": ".webp", "BMP": ".bmp", "TIFF": ".tif", "GIF": ".gif"}
"""What may be dropped, as Pillow calls it, and the suffix it is kept with, whatever its name says."""

_SHOWN, _SMALL = 1600, 240  # pixels of the longer side, in the view and in the list
_MOST_DROPPED = 2000


@dataclass(frozen=True)
class Photo:
    """One photograph.

    Attributes:
        id: how the page calls it; no path leaves the server, and none comes in.
        number: its id in what is exported: that of a run over the same folder.
        name: as exported: relative to the opened folder.
        path: of the file.
        height, width: in pixels, of the upright picture; 0 where the file does not say.
    """

    id: str
    number: int
    name: str
    path: Path
    height: int
    width: int


class Photos:
    """All of them, in the order of a run over the folder; dropped ones come last.

    Args:
        folder: the opened one; None to begin without.
        dropped: where dropped pictures are kept.

    Attributes:
        left_out: how many files of the folder are links to places outside of it: those are not shown.

    Raises:
        InputError: the folder is none, or holds no image.
    """

    def __init__(self, folder: Path | None, dropped: Path) -> None:
        self._dropped = dropped
        self._lock = threading.Lock()
        self._photos: dict[str, Photo] = {}
        self.left_out = 0
        self.folder = folder
        if folder is None:
            return
        if not folder.is_dir():
            raise InputError(f"{folder} is no folder: give one with photographs, as in `ntt app photos/`.")
        inside = folder.resolve()
        for record in Reader().read(folder, "targets").images.values():
            if (folder / record.file_name).resolve().is_relative_to(inside):
                self._keep(record, folder / record.file_name)
            else:
                self.left_out += 1

    def __len__(self) -> int:
        return len(self._photos)

    def all(self) -> list[Photo]:
        """In their order."""
        with self._lock:
            return list(self._photos.values())

    def get(self, photo_id: str) -> Photo:
        """Raises InputError where there is none."""
        try:
            return self._photos[photo_id]
        except KeyError:
            raise InputError("There is no such photograph: load the page again.") from None

    def drop(self, name: str, content: bytes) -> Photo:
        """Keep a picture that was dropped onto the page.

        Args:
            name: that its owner gave it; only letters and digits of its last part are kept.
            content: of the file.

        Raises:
            InputError: it is no picture of a known kind, too large, or damaged.
        """
        if len(self) >= _MOST_DROPPED:
            raise InputError(f"{_MOST_DROPPED} photographs are open: open a folder instead (`ntt app FOLDER`).")
        shown = _plain_name(name)
        kind = _kind_of(shown, content)
        digest = hashlib.sha256(content).hexdigest()
        path = self._dropped / f"{digest[:32]}{KINDS[kind]}"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        try:
            load_image(path)
        except UnreadableImage as error:
            path.unlink(missing_ok=True)
            raise InputError(f"{shown} cannot be used: {error.reason}.") from error
        height, width = stored_size(path) or (0, 0)
        with self._lock:
            number = 1 + max((photo.number for photo in self._photos.values()), default=0)
        name = f"{shown}_{digest[:6]}{KINDS[kind]}"
        return self._keep(ImageRecord(number, name, height, width), path)

    def _keep(self, record: ImageRecord, path: Path) -> Photo:
        identity = hashlib.sha256(record.file_name.encode("utf-8", "surrogateescape")).hexdigest()[:16]
        photo = Photo(identity, record.id, record.file_name, path, record.height, record.width)
        with self._lock:
            return self._photos.setdefault(identity, photo)


def pixels(photo: Photo) -> NDArray[np.uint8]:
    """uint8 [H, W, 3].

    Raises:
        UnreadableImage: it cannot be decoded.
    """
    return load_image(photo.path)


@lru_cache(maxsize=512)
def picture(path: Path, modified: int, small: bool) -> bytes:
    """JPEG for the page's eyes, at most 1600 pixels wide and high, or 240 in the list.

    Args:
        path: of the photograph.
        modified: when the file was, in nanoseconds: another file gets another picture.
        small: whether it is for the list.
    """
    del modified
    image = Image.fromarray(load_image(path))
    side = _SMALL if small else _SHOWN
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=85)
    return file.getvalue()


def _kind_of(name: str, content: bytes) -> str:
    """The picture's format, by its bytes; the name says nothing."""
    if len(content) > MOST_BYTES:
        raise InputError(f"{name} is larger than {MOST_BYTES // 2**20} MB, which is the most: make it smaller.")
    refusal = f"{name} is no picture that can be dropped: give {', '.join(KINDS)}."
    too_many = f"pixels, {MOST_PIXELS // 10**6} million at most: make it smaller."
    try:
        with (
            parsing(lambda _: InputError(refusal), (Image.DecompressionBombError,)),
            Image.open(io.BytesIO(content), formats=list(KINDS)) as image,
        ):
            kind, (width, height) = image.format, image.size
    except Image.DecompressionBombError as error:
        raise InputError(f"{name} has too many {too_many}") from error
    if kind not in KINDS:
        raise InputError(refusal)
    if width * height > MOST_PIXELS:
        raise InputError(f"{name} has {width} x {height} {too_many}")
    return str(kind)


def _plain_name(name: str) -> str:
    last = re.split(r"[/\\]", name)[-1]
    return re.sub(r"[^\w-]+", "_", last.rpartition(".")[0] or last).strip("_")[:60] or "photograph"
