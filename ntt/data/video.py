"""Frames of a video as pictures, where a decoder is installed."""

from __future__ import annotations

import logging
from pathlib import Path

from ntt.errors import InputError
from ntt.foreign.parsing import parsing

log = logging.getLogger(__name__)


def write_frames(video: Path, folder: Path, every: float) -> int:
    """Write one frame for each `every` seconds as PNG, named by its time in milliseconds; returns how many.

    Args:
        video: any that FFmpeg decodes.
        folder: is made.
        every: seconds between frames; 0: all of them.

    Raises:
        InputError: no decoder is installed, or the file holds no video that can be decoded.
    """
    try:
        import av
    except ImportError as error:
        raise InputError(
            f"{video} is a video, for which a decoder is needed: pip install av, or give a folder of its frames."
        ) from error
    folder.mkdir(parents=True, exist_ok=True)
    written, due = 0, 0.0
    with (
        parsing(lambda reason: InputError(f"{video}: the video cannot be decoded ({reason}): is it complete?")),
        av.open(str(video)) as container,
    ):
        for number, frame in enumerate(container.decode(video=0)):
            time = float(frame.time) if frame.time is not None else number / 25
            if time + 1e-6 >= due:
                frame.to_image().save(folder / f"{video.stem}_{round(1000 * time):08d}.png")
                written += 1
                due = max(due + every, time)
    if not written:
        raise InputError(f"{video}: the video has no frame: is it complete?")
    return written
