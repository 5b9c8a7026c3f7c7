"""Which class a value or a colour of a mask stands for, as a file beside the masks says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ntt.data.collected import CollectedLabels
from ntt.errors import InputError
from ntt.foreign.documents import parse_json

NAMES = ("legend.json", "legend.csv", "legend.txt", "labelmap.txt")
_FORMS = 'write 1,cup or #ff0000,cup a line, or {"1": "cup"} as json'
_NOTHING = "background"


@dataclass(frozen=True)
class Legend:
    """A class name by value, or by colour 0xRRGGBB; the background is not in it."""

    file: Path
    classes: dict[int, str]
    colours: bool


def read_legend(file: Path, labels: CollectedLabels) -> Legend:
    """Read a legend: json, or lines; a file of CVAT's (`name:r,g,b:...`) too.

    Raises:
        InputError: an entry is none, numbers and colours are mixed, or there is no entry.
    """
    raw = labels.read(file)
    if file.suffix.lower() == ".json":
        document = parse_json(raw, file, _FORMS)
        if not isinstance(document, dict):
            raise InputError(f"{file}: it is no json object; {_FORMS}")
        entries: Iterator[tuple[str, Any, Any]] = ((f"key {key!r}", key, name) for key, name in document.items())
    else:
        entries = _lines(raw.decode("utf-8-sig", "replace"))
    classes: dict[int, str] = {}
    kinds = set()
    for place, key, name in entries:
        value, colour = _key(str(key))
        if value is None or not isinstance(name, str) or not name.strip():
            raise InputError(f"{file}: {place} is no number or colour with a class name; {_FORMS}")
        if value in classes:
            raise InputError(f"{file}: {place} names {key} a second time; {_FORMS}")
        kinds.add(colour)
        classes[value] = name.strip()
    classes = {value: name for value, name in classes.items() if value and name.lower() != _NOTHING}
    if not classes or len(kinds) != 1:
        what = "it names no class" if not classes else "it mixes numbers and colours"
        raise InputError(f"{file}: {what}; {_FORMS}")
    return Legend(file, classes, kinds.pop())


def _lines(text: str) -> Iterator[tuple[str, str, str]]:
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if not stripped or (stripped.startswith("#") and _key(re.split(r"[,;\t]", stripped)[0])[0] is None):
            continue
        if ":" in stripped:  # CVAT's
            name, _, rest = stripped.partition(":")
            yield f"line {number}", rest.partition(":")[0], name
            continue
        key, _, name = stripped.replace(";", ",").replace("\t", ",").rpartition(",")
        if number == 1 and _key(key)[0] is None:  # a heading
            continue
        yield f"line {number}", key, name


def _key(text: str) -> tuple[int | None, bool]:
    """The number that a key stands for, and whether it is a colour."""
    plain = text.strip().strip("[]()").replace(" ", "")
    if re.fullmatch(r"\d{1,9}", plain):
        return int(plain), False
    if re.fullmatch(r"(#|0x)[0-9A-Fa-f]{6}", plain):
        return int(plain[-6:], 16), True
    parts = plain.split(",")
    if len(parts) == 3 and all(part.isdigit() and int(part) < 256 for part in parts):
        red, green, blue = (int(part) for part in parts)
        return red << 16 | green << 8 | blue, True
    return None, False
