"""A fitted model (``model.save("birds.ntt")``) in the place of references: their classes; it holds no image."""

from __future__ import annotations

from pathlib import Path

from ntt.data.coco import CocoDataset
from ntt.data.readers.protocol import DatasetReader, Role
from ntt.errors import InputError
from ntt.fitted.files import is_model, read_header
from ntt.store.hashing import file_sha256


class Reader(DatasetReader):
    """By its suffix, .ntt; a run takes the references' vectors from the file itself."""

    def recognises(self, path: Path) -> bool:
        """See the class."""
        return is_model(path) and not path.is_dir()

    def read(self, path: Path, role: Role) -> CocoDataset:
        """Its classes, without images and annotations."""
        if role == "targets":
            raise InputError(f"{path} is a fitted model, in which there is no image to search: it is for references.")
        return CocoDataset(path, file_sha256(path), {}, [], read_header(path).categories)
