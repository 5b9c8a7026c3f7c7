"""What was found in one image: masks, boxes, scores and names, best first."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ntt.errors import InputError
from ntt.store.files import write_atomically

if TYPE_CHECKING:
    from PIL import Image

_PICTURES = (".jpg", ".jpeg", ".png", ".webp")


@dataclass(frozen=True, eq=False)
class Found:
    """The objects of one image, best score first; there may be none.

        found = model.predict("photo.jpg")
        for one in found.threshold(0.5):
            print(one.names[0], one.scores[0], one.boxes[0])

    Attributes:
        image: uint8 [H, W, 3], RGB, upright.
        names: N class names.
        labels: int64 [N], each name's place in ``classes``.
        scores: float32 [N], cosine similarity after merging, from 0 to 1.
        boxes: float32 [N, 4], x1, y1, x2, y2 in pixels of the image: the extents of the masks, both corners inside.
        rles: N masks as COCO's compressed run-length encodings: ``{"size": [H, W], "counts": text}``.
        classes: all names that the model knows, in its order.
        file_name: where the image came from; empty for an array.
    """

    image: NDArray[np.uint8]
    names: tuple[str, ...]
    labels: NDArray[np.int64]
    scores: NDArray[np.float32]
    boxes: NDArray[np.float32]
    rles: tuple[dict[str, Any], ...]
    classes: tuple[str, ...]
    file_name: str = ""

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[Found]:
        return (self[index] for index in range(len(self)))

    def __getitem__(self, which: int | slice | Sequence[int] | NDArray[Any]) -> Found:
        """Some of the objects: by position, slice, positions, or a bool [N]; the order given is kept."""
        if isinstance(which, (int, np.integer)):
            if not -len(self) <= which < len(self):
                raise IndexError(f"object {which} of {len(self)}")
            which = [int(which)]
        positions = np.arange(len(self))[which]
        return replace(
            self,
            names=tuple(self.names[i] for i in positions),
            labels=self.labels[positions],
            scores=self.scores[positions],
            boxes=self.boxes[positions],
            rles=tuple(self.rles[i] for i in positions),
        )

    def __repr__(self) -> str:
        counts = ", ".join(f"{sum(n == name for n in self.names)} {name}" for name in dict.fromkeys(self.names))
        return f"Found({counts or 'nothing'} in {self.file_name or 'an image'})"

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the image in pixels."""
        return self.image.shape[0], self.image.shape[1]

    @property
    def masks(self) -> NDArray[np.bool_]:
        """bool [N, H, W], decoded at each call."""
        from pycocotools import mask as coco_mask

        if not self.rles:
            return np.zeros((0, *self.size), dtype=np.bool_)
        return np.moveaxis(coco_mask.decode(list(self.rles)), 2, 0).astype(np.bool_)

    def threshold(self, score: float) -> Found:
        """Those of at least this score."""
        return self[self.scores >= score]

    def of(self, name: str) -> Found:
        """Those of one class.

        Raises:
            InputError: the model has no such class.
        """
        if name not in self.classes:
            raise InputError(f"{name!r} is no class of this model: give one of {', '.join(self.classes)}.")
        return self[np.array([n == name for n in self.names], dtype=bool)]

    def label_map(self) -> NDArray[np.int32]:
        """int32 [H, W]: 0 where nothing is, else 1 + the place in this result of the best object there."""
        ids = np.zeros(self.size, dtype=np.int32)
        masks = self.masks
        for position in reversed(range(len(self))):
            ids[masks[position]] = position + 1
        return ids

    def to_coco(self, image_id: int = 1, first_id: int = 1) -> dict[str, Any]:
        """A COCO *dataset* of this image: ``images``, ``categories`` and ``annotations`` with ``score``.

        Category ids count from 1 in the model's order of classes. Boxes are x, y, width, height with
        width = x2 - x1, as the published results and ours write them.
        """
        from ntt.exports.dataset import coco_dataset

        height, width = self.size
        columns = (self.labels.tolist(), self.scores.tolist(), self.boxes.tolist(), self.rles)
        rows = (
            {
                "image_id": image_id,
                "category_id": label + 1,
                "bbox": [x1, y1, x2 - x1, y2 - y1],
                "segmentation": rle,
                "score": score,
            }
            for label, score, (x1, y1, x2, y2), rle in zip(*columns, strict=True)
        )
        image = {"id": image_id, "file_name": self.file_name, "height": height, "width": width}
        return coco_dataset([image], dict(enumerate(self.classes, 1)), rows, first_id)

    def to_supervision(self) -> Any:
        """As ``supervision.Detections``; boxes there end behind the last pixel.

        Raises:
            InputError: supervision is not installed.
        """
        try:
            import supervision
        except ImportError as error:
            raise InputError("supervision is not installed: pip install supervision") from error
        return supervision.Detections(
            xyxy=self.boxes + np.array([0, 0, 1, 1], dtype=np.float32),
            mask=self.masks,
            confidence=self.scores,
            class_id=self.labels,
            data={"class_name": np.array(self.names, dtype=str)},
        )

    def overlay(self) -> Image.Image:
        """The image with every object drawn on it."""
        from ntt.reporting.colours import class_colours
        from ntt.reporting.overlays import single
        from ntt.reporting.verdicts import Instance

        instances = [
            Instance(mask.astype(np.uint8), tuple(box), name, score)
            for mask, box, name, score in zip(
                self.masks, self.boxes.tolist(), self.names, self.scores.tolist(), strict=True
            )
        ]
        return single(self.image, instances, class_colours(self.classes))

    def show(self) -> None:
        """Show the overlay: in a notebook below the cell, elsewhere in the desktop's picture viewer."""
        try:
            from IPython import get_ipython
            from IPython.display import display
        except ImportError:
            self.overlay().show()
            return
        if get_ipython() is None:
            self.overlay().show()
        else:
            display(self.overlay())

    def save(self, path: str | Path) -> None:
        """Write a COCO dataset (``.json``) or the overlay (``.jpg``, ``.png``, ``.webp``).

        Raises:
            InputError: the suffix is none of these.
        """
        path = Path(path)
        if path.suffix.lower() == ".json":
            write_atomically(path, (json.dumps(self.to_coco(), indent=1) + "\n").encode())
        elif path.suffix.lower() in _PICTURES:
            path.parent.mkdir(parents=True, exist_ok=True)
            self.overlay().save(path, quality=90)
        else:
            raise InputError(f"{path}: give a name that ends with .json, {', '.join(_PICTURES)}.")
