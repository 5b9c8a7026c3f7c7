"""PASCAL VOC as its official archives unpack: VOCdevkit with VOC2007 and VOC2012, and lists of images in each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ntt.data.coco import CocoDataset
from ntt.data.collected import CollectedLabels
from ntt.data.readers import voc
from ntt.data.readers.protocol import Role
from ntt.errors import InputError, require

VOC_CLASSES = (
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
    "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)  # fmt: skip


class Reader(voc.Reader):
    """The few-shot benchmark's use of it: references from 2007 and 2012 trainval, targets are 2007 test.

    Boxes only: the few masks in SegmentationObject are not read. Boxes count from 1 and hold their last pixel.

    Args:
        references: lists of images that references are drawn from, such as "2007 trainval".
        targets: lists of the target images.
    """

    by_role = True

    def __init__(
        self, references: Sequence[str] = ("2007 trainval", "2012 trainval"), targets: Sequence[str] = ("2007 test",)
    ) -> None:
        super().__init__(first_pixel=1)
        self._lists = {"references": list(references), "targets": list(targets)}
        for role, lists in self._lists.items():
            for named in lists:
                sound = len(named.split()) == 2
                require(sound, f"dataset.format.{role}", named, 'a year and a list, such as "2007 trainval"')

    def recognises(self, path: Path) -> bool:
        """By a folder of a year with VOC's lists and XML files."""
        return path.is_dir() and any(
            (year / "Annotations").is_dir() and (year / "ImageSets" / "Main").is_dir() for year in path.glob("VOC20*")
        )

    def read(self, path: Path, role: Role) -> CocoDataset:
        """See the class; images are numbered by year and name, classes by VOC's own order."""
        labels = CollectedLabels(path, path)
        for named in self._lists[role]:
            year, name = named.split()
            root = path / f"VOC{year}"
            listed = root / "ImageSets" / "Main" / f"{name}.txt"
            if not listed.is_file():
                raise InputError(f"{listed} does not exist: `ntt data fetch voc` brings it, `--from DIR` links a copy.")
            stems = [line.split()[0] for line in labels.read(listed).decode("utf-8", "replace").splitlines() if line]
            self.collect(root, [root / "Annotations" / f"{stem}.xml" for stem in stems], labels, benchmark=True)
        return labels.dataset(VOC_CLASSES)

    def image_places(self, path: Path) -> list[Path]:
        """The devkit's own folder, from which names count: VOC2007/JPEGImages/000001.jpg."""
        return [path]
