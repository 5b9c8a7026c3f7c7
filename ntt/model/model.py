"""A model: two frozen networks and the references it was fitted with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import overload

import numpy as np
import torch
from torch import Tensor

from ntt.config import RunConfig
from ntt.errors import InputError
from ntt.fitted.files import Reference, write_model
from ntt.matching.match import match
from ntt.memory.bank import MemoryBank
from ntt.model.found import Found
from ntt.model.networks import LoadedNetworks
from ntt.model.references import (
    ImageLike,
    as_mask,
    encode_reference,
    finite_numbers,
    mask_bbox,
    open_image,
    prompt_for,
    segmented,
    thumbnail,
)
from ntt.proposals.image_proposals import ImageProposals
from ntt.proposals.networks import propose


class Model:
    """Finds and segments the objects of a few classes, each known by a few references.

    Made by :func:`ntt.load`. Fitting costs one pass of the encoder per reference; predicting one pass of both networks
    per image. Nothing is trained.

    Args:
        config: a validated config: networks, proposals, memory and matcher.
        networks: the encoder and the segmenter, loaded at first use.
        categories: id -> name of the classes, in the order of the prototypes.
        references: of those classes.
    """

    def __init__(
        self,
        config: RunConfig,
        networks: LoadedNetworks,
        categories: Mapping[int, str] | None = None,
        references: Sequence[Reference] = (),
    ) -> None:
        self.config = config
        self._networks = networks
        self._categories = dict(categories or {})
        self._references = list(references)

    def __repr__(self) -> str:
        networks = f"{self.config.backbone.name} and {self.config.segmenter.name}"
        return f"Model({networks}, {len(self._references)} references of {len(self._categories)} classes)"

    @property
    def classes(self) -> tuple[str, ...]:
        """Names, in the order in which they were first given."""
        return tuple(self._categories.values())

    @property
    def categories(self) -> dict[int, str]:
        """The classes by the ids that they were given."""
        return dict(self._categories)

    @property
    def networks(self) -> LoadedNetworks:
        """The encoder and the segmenter."""
        return self._networks

    @property
    def references(self) -> tuple[Reference, ...]:
        """What the model was fitted with."""
        return tuple(self._references)

    def fit(self, labels: str | Path) -> Model:
        """Take the objects of a label file or folder as references, in place of what the model had.

            model.fit("refs.json")

        Every format that ``ntt`` reads is recognised by looking. Objects with a box or clicks only get a mask by the
        segmenter. What cannot be used is left out and said in the log.

        Returns:
            Itself.

        Raises:
            InputError: nothing can be made of the labels, or a class has no usable object.
        """
        from ntt.model.fitting import as_in_a_run, labelled_objects

        categories, objects = labelled_objects(self.config, Path(labels), lambda: self._networks.segmenter)
        found: list[Reference] = []
        context = self.config.memory.context
        for one in objects:
            with as_in_a_run():
                vector = encode_reference(self._networks.backbone, one.image, one.mask, one.bbox, context, one.source)
            if vector is not None:
                found.append(Reference(one.name, vector, thumbnail(one.image, one.bbox, context), one.source))
        self._categories, self._references = categories, found
        self._forget()
        _ = self.bank  # refuses a class without a reference
        return self

    def add(
        self,
        image: ImageLike,
        name: str,
        *,
        mask: object = None,
        box: Sequence[float] | None = None,
        points: Sequence[Sequence[float]] | None = None,
        outside: Sequence[Sequence[float]] = (),
    ) -> Model:
        """Add one reference object, by its mask, or by a box or clicks that the segmenter turns into one.

            model.add("yard.jpg", "robin", box=(120, 80, 260, 190))

        Args:
            image: a file, a Pillow image or uint8 [H, W, 3].
            name: of its class.
            mask: [H, W], not 0 inside the object.
            box: x1, y1, x2, y2 in pixels.
            points: (x, y) of pixels inside the object.
            outside: (x, y) of pixels outside of it.

        Returns:
            Itself.

        Raises:
            InputError: none or several of mask, box and points are given, or what is given covers no pixel.
        """
        if not isinstance(name, str) or not name.strip():
            raise InputError("A reference needs the name of its class: name='robin'.")
        pixels, source = open_image(image)
        height, width = pixels.shape[:2]
        if mask is not None and (box is not None or points or outside):
            raise InputError("Give a reference by its mask, or by a box and points, not by both.")
        if mask is not None:
            drawn = as_mask(mask, height, width)
        else:
            drawn = segmented(self._networks.segmenter, pixels, source, prompt_for(box, points, outside, height, width))
        bbox = mask_bbox(drawn)
        context = self.config.memory.context
        vector = encode_reference(self._networks.backbone, pixels, drawn, bbox, context, source)
        if vector is None:
            raise InputError(f"The mask of a reference of {name} in {source or 'an image'} covers no pixel.")
        self._keep(Reference(name.strip(), vector, thumbnail(pixels, bbox, context), source))
        return self

    def segment(
        self,
        image: ImageLike,
        box: Sequence[float] | None = None,
        points: Sequence[Sequence[float]] | None = None,
        outside: Sequence[Sequence[float]] = (),
    ) -> np.ndarray:
        """The mask of one object that a box, clicks, or both name: uint8 [H, W] of 0 and 1.

        Args:
            image: a file, a Pillow image or uint8 [H, W, 3].
            box: x1, y1, x2, y2 in pixels.
            points: (x, y) of pixels inside the object.
            outside: (x, y) of pixels outside of it.

        Raises:
            InputError: neither a box nor points are given, or they lie outside of the image.
            NotFinite: the segmenter gives NaN or infinity.
        """
        pixels, source = open_image(image)
        return segmented(self._networks.segmenter, pixels, source, prompt_for(box, points, outside, *pixels.shape[:2]))

    def remove(self, which: str | int) -> Model:
        """Remove a class by its name, or one reference by its place in :attr:`references`.

        Raises:
            InputError: there is no such class or reference.
        """
        if isinstance(which, str):
            if which not in self.classes:
                raise InputError(f"{which!r} is no class of this model: {', '.join(self.classes) or 'it has none'}.")
            self._references = [one for one in self._references if one.name != which]
        elif -len(self._references) <= which < len(self._references):
            del self._references[which]
        else:
            raise InputError(f"There is no reference {which}: the model has {len(self._references)}.")
        names = {one.name for one in self._references}
        self._categories = {i: name for i, name in self._categories.items() if name in names}
        self._forget()
        return self

    @overload
    def predict(self, image: ImageLike) -> Found: ...  # type: ignore[overload-overlap]

    @overload
    def predict(self, image: Iterable[ImageLike]) -> Iterator[Found]: ...

    def predict(self, image: ImageLike | Iterable[ImageLike]) -> Found | Iterator[Found]:
        """Find the objects of one image, or of each of many.

            found = model.predict("photo.jpg")
            for found in model.predict(Path("photos").glob("*.jpg")): ...

        Args:
            image: a file, a Pillow image or uint8 [H, W, 3], RGB; or an iterable of such.

        Returns:
            The objects, best first; for an iterable, an iterator in its order.

        Raises:
            InputError: the model has no reference, or an image cannot be read.
            NotFinite: a network gives NaN or infinity; an InputError too.
        """
        bank = self.bank
        from PIL import Image

        if isinstance(image, (str, Path, np.ndarray, Image.Image)):
            return self._found(image, bank)
        return (self._found(one, bank) for one in image)

    @cached_property
    def bank(self) -> MemoryBank:
        """The references' vectors by class.

        Raises:
            InputError: there is none.
        """
        if not self._references:
            raise InputError("This model has no reference yet: model.fit(...) or model.add(...) first.")
        ids = {name: i for i, name in self._categories.items()}
        return MemoryBank.from_references(self._categories, ((ids[one.name], one.vector) for one in self._references))

    @cached_property
    def _prototypes(self) -> Tensor:
        return self.bank.prototypes(self.config.memory.kind)

    def save(self, path: str | Path) -> None:
        """Write vectors, names, thumbnails and the networks' identity, for ``ntt.load(path)``.

        Raises:
            InputError: the model has no reference.
        """
        _ = self.bank
        write_model(Path(path), self._categories, self._references, self._networks.identity)

    def _keep(self, reference: Reference) -> None:
        if reference.name not in self.classes:
            self._categories[max(self._categories, default=0) + 1] = reference.name
        self._references.append(reference)
        self._forget()

    def _forget(self) -> None:
        """Forget what was derived of references that are no longer all."""
        for name in ("bank", "_prototypes"):
            self.__dict__.pop(name, None)

    def _found(self, image: ImageLike, bank: MemoryBank) -> Found:
        pixels, name = open_image(image)
        networks = self._networks
        vectors = getattr(torch, self.config.store.vectors)
        with finite_numbers(name):
            proposals = propose(pixels, networks.backbone, networks.segmenter, vectors)
        return detections(pixels, name, proposals, self._prototypes, bank.names, self.config)


def detections(
    image: np.ndarray,
    file_name: str,
    proposals: ImageProposals,
    prototypes: Tensor,
    classes: Sequence[str],
    config: RunConfig,
) -> Found:
    """Match one image's proposals: the same detections as stage match writes."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as in stage match: sums in another order would be other bytes
    try:
        matched = match(proposals, prototypes, config.matcher)
    finally:
        torch.set_num_threads(threads)
    return Found(
        image=image,
        names=tuple(classes[label] for label in matched.labels.tolist()),
        labels=matched.labels.numpy(),
        scores=matched.scores.numpy(),
        boxes=proposals.boxes[matched.proposals].numpy().astype(np.float32),
        rles=tuple(proposals.rle(index) for index in matched.proposals.tolist()),
        classes=tuple(classes),
        file_name=file_name,
    )
