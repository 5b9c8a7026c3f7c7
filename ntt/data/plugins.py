"""Kinds of pictures that Pillow reads with a plug-in, where that is installed, and videos."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

HEIC_SUFFIXES = frozenset({".heic", ".heif", ".hif"})
VIDEO_SUFFIXES = frozenset({".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm", ".wmv"})
WITHOUT_HEIC = "HEIC needs a plug-in: pip install pillow-heif"


@lru_cache(maxsize=1)
def reads_heic() -> bool:
    """Whether the plug-in for HEIC is installed; it is opened at the first question."""
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        return False
    register_heif_opener()
    return True


def known_to_pillow(file: Path) -> bool:
    """Whether Pillow is told of this kind of picture, now that somebody wants to open one."""
    return file.suffix.lower() not in HEIC_SUFFIXES or reads_heic()
