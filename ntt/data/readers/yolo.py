"""YOLO: a text file an image, a line an object, coordinates as fractions of the image's sides."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ntt.data.coco import CocoDataset
from ntt.data.collected import CollectedLabels, LabelledObject
from ntt.data.images import IMAGE_SUFFIXES, stored_size
from ntt.data.pictures import files_below
from ntt.data.readers.protocol import DatasetReader, Role
from ntt.data.yolo_layout import NAME_LISTS, Layout, find_layout, is_label_file, label_file, open_layout
from ntt.errors import InputError

_DIGITS = 9  # decimals of a pixel that are kept: fractions of 1/3 come back as whole pixels


class Reader(DatasetReader):
    """A folder with data.yaml (or the file itself), or with classes.txt; `labels` beside `images`, or both in one.

    A line is a class, counted from 0, and either a box (centre x, centre y, width, height) or a polygon (x, y of three
    points or more). Lines of both kinds may be mixed.

    Args:
        split: of data.yaml's train, val and test that which is read; None: train for references, val for targets.
    """

    by_role = True

    def __init__(self, split: str | None = None) -> None:
        self._split = split

    def recognises(self, path: Path) -> bool:
        """By data.yaml with names, or by a list of names beside text files of numbers."""
        return find_layout(path) is not None

    def read(self, path: Path, role: Role) -> CocoDataset:
        """See the class. Images without a text file have no object, as YOLO has it."""
        layout = open_layout(path, role, self._split)
        labels = CollectedLabels(path, layout.root)
        for file in layout.files:
            labels.read(file)
        images = list(layout.images)
        used = set()
        for image in images:
            text = label_file(image)
            if text is not None:
                used.add(text)
            _read_image(image, text, layout, labels)
        for text in _without_image(layout, used):
            labels.leave_out("text files of labels without an image", labels.name_of(text))
        for sentence in layout.told:
            labels.tell(sentence)
        if not images:
            raise InputError(
                f"{path}: there is no image in {layout.where} that its labels could belong to; {layout.way}"
            )
        return labels.dataset(layout.names)

    def image_places(self, path: Path) -> list[Path]:
        """The folder that names count from."""
        layout = find_layout(path)
        return [layout.root if layout else path]


def _read_image(image: Path, text: Path | None, layout: Layout, labels: CollectedLabels) -> None:
    name = labels.name_of(image)
    lines = _lines(text, labels) if text else []
    size = stored_size(image)
    if size is None:
        labels.leave_out("images that cannot be read, by whose sides labels count,", f"{name} with {len(lines)} labels")
        return
    labels.image(name, *size, str(text or image))
    for place, words in lines:
        labels.add(name, _object(place, words, size, layout))


def _lines(text: Path, labels: CollectedLabels) -> list[tuple[str, list[str]]]:
    raw = labels.read(text)
    try:
        content = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{text}: it is no text file ({error.reason}); write a line an object") from error
    numbered = enumerate(content.splitlines(), start=1)
    return [(f"{labels.name_of(text)}: line {number}", words) for number, line in numbered if (words := line.split())]


def _object(place: str, words: list[str], size: tuple[int, int], layout: Layout) -> LabelledObject:
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        raise InputError(
            f"{layout.root / place}: {' '.join(words)[:60]!r} holds what is no number; write a class and coordinates"
        ) from None
    index = numbers[0]
    if index not in range(len(layout.names)):
        raise InputError(
            f"{layout.root / place}: class {words[0]} is none of the {len(layout.names)} that {layout.named_in} lists, "
            "counted from 0; add its name there or mend the line"
        )
    name = layout.names[int(index)]
    if any(not -1 <= value <= 2 for value in numbers[1:]):  # NaN is none of them either
        fault = f"its coordinates {' '.join(words[1:5])} ... are no fractions of the image's sides"
        return LabelledObject(name, place, fault=fault)
    height, width = size
    if len(numbers) == 5:
        _, x, y, w, h = numbers
        box = ((x - w / 2) * width, (y - h / 2) * height, w * width, h * height)
        return LabelledObject(name, place, box=tuple(round(value, _DIGITS) for value in box))  # type: ignore[arg-type]
    if len(numbers) >= 7 and len(numbers) % 2:
        points = [round(value * (height if place % 2 else width), _DIGITS) for place, value in enumerate(numbers[1:])]
        return LabelledObject(name, place, [points])
    fault = f"its line has {len(numbers)} numbers: a class with a box has 5, with a polygon an odd number from 7"
    return LabelledObject(name, place, fault=fault)


def _without_image(layout: Layout, used: set[Path]) -> Iterator[Path]:
    for folder in layout.label_folders():
        for file in files_below(folder):
            if file not in used and file.name not in NAME_LISTS and is_label_file(file):
                stem = file.with_suffix("")
                if not any(stem.with_suffix(suffix) in layout.images for suffix in IMAGE_SUFFIXES):
                    yield file
