"""What a format of labelled images has to say of itself.

A new format is one file: `ntt/data/readers/NAME.py` with a class `Reader`, which `dataset.format=NAME` and
`dataset.format=auto` then find; or a class anywhere else, named by `dataset.format={_target_: package.module.Class}`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar, Literal

from ntt.data.coco import CocoDataset

Role = Literal["references", "targets"]
"""What the labels are read for: to draw references from them, or as the targets' ground truth."""


class DatasetReader(ABC):
    """Reads one format. Made anew for each dataset; options of its own are arguments of its constructor.

    The module is imported whenever a format is looked for: what takes long to import belongs into the methods.
    """

    labelled: ClassVar[bool] = True
    """False where there are images only: nothing is evaluated, and classes are those of the references."""

    def prepare(self, root: Path) -> None:
        """Make what is to be read, where it is made by a program; called before anything is looked for.

        Args:
            root: `dataset.root`. The same call must do nothing where everything is there already.

        Raises:
            InputError: `root` holds something else.
        """
        del root  # most data are simply there

    by_role: ClassVar[bool] = False
    """True where one path holds the references as well as the targets, told apart by what they are read for."""

    @abstractmethod
    def recognises(self, path: Path) -> bool:
        """Whether this looks like the format, by names and the first bytes of a few files.

        Args:
            path: `dataset.references` or `dataset.targets`, an existing file or folder.

        Never raises: what cannot be read is not recognised.
        """

    @abstractmethod
    def read(self, path: Path, role: Role) -> CocoDataset:
        """All labels, as COCO would hold them.

        Ids count from 1 in an order that the files' contents or names determine, never that of a directory listing.
        A mask is an annotation's `segmentation` in COCO's form; None where there is only a box. `sha256` is a digest of
        all that was parsed: it stands for the labels in the store's keys.

        Args:
            path: an existing file or folder.
            role: references must be sound; of targets, what cannot be evaluated may be left out and counted.

        Raises:
            InputError: names the file, the place in it, and the way out.
        """

    def image_places(self, path: Path) -> list[Path]:
        """Folders from which the images' `file_name` may count, the likeliest first; asked where none is configured."""
        return [path if path.is_dir() else path.parent]
