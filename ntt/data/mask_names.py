"""What the name of a mask file says: which picture it belongs to, and which class.

    masks/CLASS/STEM.png   masks/CLASS/STEM_N.png    a folder a class
    masks/STEM/CLASS.png   masks/STEM/CLASS_N.png    a folder a picture
    masks/STEM_CLASS.png   masks/STEM_CLASS_N.png    neither
    masks/STEM.png                                   all objects of a picture; their classes are in a legend

STEM is the name of a picture without its suffix, N a number that tells objects apart and says nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import PurePosixPath


@dataclass(frozen=True)
class MaskName:
    """Whose mask a file is.

    Attributes:
        stem: of the picture.
        name: of the class; None: a map of all objects.
        numbered: whether the file name says which of the class's objects it is: then it is one.
    """

    stem: str
    name: str | None
    numbered: bool


def read_mask_name(relative: PurePosixPath, stems: Collection[str]) -> MaskName | None:
    """What the path of a mask below `masks` says; None where it is none of the forms."""
    own, folders = relative.stem, relative.parts[:-1]
    if len(folders) > 1:
        return None
    if folders and folders[0] in stems:
        name, numbered = _without_number(own)
        return MaskName(folders[0], name, numbered) if name else None
    if folders:
        if own in stems:
            return MaskName(own, folders[0], numbered=False)
        stem, numbered = _without_number(own)
        return MaskName(stem, folders[0], numbered) if stem in stems else None
    if own in stems:
        return MaskName(own, None, numbered=False)
    for stem in sorted(stems, key=len, reverse=True):
        if own.startswith(f"{stem}_"):
            name, numbered = _without_number(own[len(stem) + 1 :])
            return MaskName(stem, name, numbered) if name else None
    return None


def _without_number(text: str) -> tuple[str, bool]:
    plain = re.sub(r"_\d+$", "", text)
    return plain, plain != text
