"""Pictures inside labelme's json files: base64 of an image file, under `imageData`.

Such a json stands for its picture wherever an image file could: its name is then the image's `file_name`.
"""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

from PIL import Image


def open_image(path: str | Path) -> Image.Image:
    """As Pillow's `Image.open`, which it is for all but json files: of these the picture inside.

    Raises:
        Whatever Pillow raises; ValueError, KeyError: the json has no picture in it.
    """
    if Path(path).suffix.lower() != ".json":
        return Image.open(path)
    return Image.open(io.BytesIO(image_bytes(Path(path), Path(path).read_bytes())))


def image_bytes(path: Path, content: bytes) -> bytes:
    """The image file that a file's content is, or holds where it is a json; see :func:`embedded_bytes`."""
    return content if path.suffix.lower() != ".json" else embedded_bytes(json.loads(content))


def embedded_bytes(document: dict[str, Any]) -> bytes:
    """The image file inside a labelme json.

    Raises:
        ValueError, KeyError: there is none.
    """
    text = document["imageData"]
    if not isinstance(text, str) or not text:
        raise ValueError("it has no imageData")
    if text.startswith("data:"):
        text = text.partition(",")[2]
    return base64.b64decode("".join(text.split()), validate=True)
