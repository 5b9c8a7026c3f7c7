"""Images as an artifact's key stands for them, for stages that go on without one that cannot be read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ntt.data.coco import ImageRecord
from ntt.data.images import LostImage, UnreadableImage, load_image
from ntt.stages.workspace import Workspace
from ntt.store.store import InputLost


def keyed_image(work: Workspace, path: Path, record: ImageRecord) -> NDArray[np.uint8] | None:
    """An image, uint8 [H, W, 3]; None where its bytes are none, or where the key says that they could not be read.

    Raises:
        InputLost: it could be read when the key was made, and now no more; there is another key from here on.
    """
    if work.digests.fault(path):
        return None
    try:
        return load_image(path, (record.height, record.width), work.digests.of(path))
    except LostImage as error:
        work.digests.lose(path, error.reason)
        raise InputLost from error
    except UnreadableImage:
        return None  # the stage that needs the image itself says why
