"""CVAT's export to COCO, in which whatever was drawn with the brush is called a crowd."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ntt.data.coco import CocoDataset
from ntt.data.readers import coco
from ntt.data.readers.protocol import Role

_OWN = (b'"attributes"', b'"occluded"')  # of an annotation
_HEAD = 1 << 20


class Reader(coco.Reader):
    """As COCO: a json, or CVAT's folder with `annotations` and `images`.

    CVAT writes polygons for what was drawn as such and an RLE with `iscrowd: 1` for what was brushed: of these the mark
    is taken away.
    """

    def recognises(self, path: Path) -> bool:
        """A COCO json whose annotations have CVAT's attribute `occluded`."""
        return any(coco.looks_like_coco(file) and _has_cvats_attributes(file) for file in coco.jsons(path))

    def read(self, path: Path, role: Role) -> CocoDataset:
        """See the class."""
        dataset = super().read(path, role)
        brushed = {a.id for a in dataset.annotations if a.iscrowd and isinstance(a.segmentation, dict)}
        if not brushed:
            return dataset
        annotations = [replace(a, iscrowd=False) if a.id in brushed else a for a in dataset.annotations]
        told = f"{dataset.path}: {len(brushed)} masks that CVAT marked iscrowd are single objects"
        return replace(dataset, annotations=annotations, told=(*dataset.told, told))


def _has_cvats_attributes(file: Path) -> bool:
    try:
        with file.open("rb") as opened:
            head = opened.read(_HEAD)
            if all(name in head for name in _OWN):
                return True
            opened.seek(-min(_HEAD, file.stat().st_size), 2)  # behind a long list of images
            tail = opened.read()
    except OSError:
        return False
    return all(name in tail for name in _OWN)
