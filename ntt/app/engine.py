"""The networks at work for the page: what a person waits for at once, the other photographs behind it, one by one.

Three threads, each for one kind of work, so that a click never waits for a photograph of the background:

    clicks        embeds the photograph in view, turns clicks and boxes into masks
    references    encodes references (in a thread of its own: it sets how many threads torch takes)
    background    looks at one photograph after the other, those in view first
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from ntt.app.photos import Photo, pixels
from ntt.app.seen import Seen
from ntt.config import RunConfig
from ntt.data.images import UnreadableImage
from ntt.errors import InputError
from ntt.fitted.files import Reference
from ntt.masks.boxes import mask_boxes
from ntt.masks.final import encode_final
from ntt.model.fitting import as_in_a_run
from ntt.model.networks import LoadedNetworks
from ntt.model.references import encode_reference, mask_bbox, prompt_for, thumbnail
from ntt.proposals.prompted import embed_image
from ntt.segmenters.prompts import scaled

log = logging.getLogger(__name__)
T = TypeVar("T")

_EMBEDDINGS = 6  # photographs whose embedding is kept: 16 MB each at full size


@dataclass(frozen=True)
class Choice:
    """A mask that clicks or a box may mean.

    Attributes:
        rle: at the photograph's size, COCO's compressed form.
        quality: the segmenter's own estimate of its IoU.
    """

    rle: dict[str, Any]
    quality: float


class Engine:
    """Loads the networks in the background and puts them to work.

    Args:
        config: of the model.
        networks: not yet loaded.
        seen: where proposals are kept.
    """

    def __init__(self, config: RunConfig, networks: LoadedNetworks, seen: Seen) -> None:
        self._config = config
        self._networks = networks
        self._seen = seen
        self._clicks = ThreadPoolExecutor(1, "clicks")
        self._references = ThreadPoolExecutor(1, "references")
        self._embeddings: OrderedDict[str, Any] = OrderedDict()
        self._wanted: dict[str, list[Photo]] = {}  # by window
        self._unreadable: dict[str, str] = {}  # by photograph, why
        self._changed = threading.Condition()
        self._closed = False
        self.ready = False  # whether the networks are loaded
        self.fault = ""  # why the networks cannot be used: shown on the page
        self._background = threading.Thread(target=self._look_around, name="background", daemon=True)

    def start(self) -> None:
        """Load the networks, without keeping anybody waiting."""
        self._clicks.submit(self._load)
        self._background.start()

    def close(self) -> None:
        """End the threads; a photograph that is being looked at is finished first."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._clicks.shutdown(wait=False, cancel_futures=True)
        self._references.shutdown(wait=False, cancel_futures=True)

    def prepare(self, photo: Photo) -> None:
        """Embed a photograph that was opened: its first click is answered at once."""
        self._clicks.submit(_quietly, lambda: self._embedding(photo))

    def prompt(
        self,
        photo: Photo,
        box: Sequence[float] | None,
        inside: Sequence[Sequence[float]],
        outside: Sequence[Sequence[float]],
    ) -> Future[list[Choice]]:
        """The masks that a box, clicks or both may mean: the one that a run would take, then the three alternatives.

        Raises:
            InputError: they name nothing, or lie outside of the photograph.
        """
        return self._clicks.submit(self._choices, photo, box, inside, outside)

    def reference(self, photo: Photo, rle: dict[str, Any], name: str) -> Future[Reference]:
        """What a fitted model keeps of an object."""
        return self._references.submit(self._encode, photo, rle, name)

    def want(self, window: str, photos: Sequence[Photo]) -> None:
        """Say what a window needs, first things first; what it wanted before is forgotten."""
        with self._changed:
            self._wanted[window] = list(photos)
            self._changed.notify_all()

    def forget(self, window: str) -> None:
        """A window was closed, or is another one now."""
        with self._changed:
            self._wanted.pop(window, None)

    def unreadable(self, photo: Photo) -> str | None:
        """Why nothing can be seen in a photograph, once that is known."""
        return self._unreadable.get(photo.id)

    def _load(self) -> None:
        try:
            _ = self._networks.backbone, self._networks.segmenter
            self.ready = True
        except Exception as error:
            log.exception("the networks cannot be loaded")
            self.fault = str(error)
        with self._changed:
            self._changed.notify_all()

    def _look_around(self) -> None:
        while True:
            with self._changed:
                photo = self._next()
                while photo is None and not self._closed and not self.fault:
                    self._changed.wait()
                    photo = self._next()
                if self._closed or self.fault:
                    return
            assert photo is not None
            try:
                self._seen.look(photo)
            except UnreadableImage as error:
                self._unreadable[photo.id] = error.reason
            except Exception as error:
                log.exception("%s cannot be segmented", photo.path)
                self._unreadable[photo.id] = f"it cannot be segmented ({error or type(error).__name__})"

    def _next(self) -> Photo | None:
        """The next photograph: each window's first one in turn, so that none waits for another's hundreds."""
        if not self.ready:
            return None
        for window, photos in list(self._wanted.items()):
            while photos and (self._seen.is_done(photos[0]) or photos[0].id in self._unreadable):
                photos.pop(0)
            if photos:
                self._wanted[window] = self._wanted.pop(window)  # to the end: the other windows are next
                return photos[0]
        return None

    def _embedding(self, photo: Photo) -> tuple[Any, NDArray[np.uint8]]:
        key = f"{photo.id} {photo.path.stat().st_mtime_ns}"
        if key not in self._embeddings:
            image = pixels(photo)
            self._embeddings[key] = (embed_image(self._networks.segmenter, image), image)
            while len(self._embeddings) > _EMBEDDINGS:
                self._embeddings.popitem(last=False)
        self._embeddings.move_to_end(key)
        return self._embeddings[key]  # type: ignore[no-any-return]

    def _choices(
        self,
        photo: Photo,
        box: Sequence[float] | None,
        inside: Sequence[Sequence[float]],
        outside: Sequence[Sequence[float]],
    ) -> list[Choice]:
        if self.fault:
            raise InputError(self.fault)
        embedding, image = self._embedding(photo)
        height, width = image.shape[:2]
        segmenter = self._networks.segmenter
        prompt = scaled(prompt_for(box, inside, outside, height, width), height, width, segmenter.image_size)
        first, others = segmenter.segment(embedding, prompt), segmenter.alternatives(embedding, prompt)
        order = torch.argsort(others.predicted_iou, descending=True, stable=True)
        logits = torch.cat([first.logits, others.logits[order]])
        qualities = torch.cat([first.predicted_iou, others.predicted_iou[order]]).tolist()
        final, _ = encode_final(logits, mask_boxes(logits > 0), height, width, whole_image=logits.is_cuda)
        choices: list[Choice] = []
        for rle, quality in zip(final.rles, qualities, strict=True):
            if coco_mask.area(rle) and all(rle["counts"] != one.rle["counts"] for one in choices):
                choices.append(Choice(rle, quality))
        if not choices:
            raise InputError("The segmenter finds nothing there: click elsewhere, or draw a box.")
        return choices

    def _encode(self, photo: Photo, rle: dict[str, Any], name: str) -> Reference:
        if self.fault:
            raise InputError(self.fault)
        image = pixels(photo)
        mask = coco_mask.decode(rle)
        if mask.shape != image.shape[:2]:
            raise InputError("The mask is not of the photograph's size: click again.")
        bbox = mask_bbox(mask)
        context = self._config.memory.context
        with as_in_a_run():
            vector = encode_reference(self._networks.backbone, image, mask, bbox, context)
        if vector is None:
            raise InputError("The object is too small to be a reference: choose a larger one.")
        return Reference(name, vector, thumbnail(image, bbox, context), photo.name)


def _quietly(work: Callable[[], T]) -> None:
    """Of work that nobody asked for: whoever asks for it is told what is wrong."""
    try:
        work()
    except Exception as error:
        log.debug("not prepared: %s", error)
