"""The file of a fitted model: vectors, names, ids, thumbnails and the identity of the networks, in safetensors."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ntt.errors import InputError
from ntt.store.files import write_atomically

if TYPE_CHECKING:
    from torch import Tensor

SUFFIX = ".ntt"
_FORMAT = "ntt fitted model"
_VERSION = 2  # 1 had no category ids, and of the encoder only its name and its weights


@dataclass(frozen=True, eq=False)
class Reference:
    """One reference as a fitted model keeps it.

    Attributes:
        name: of its class.
        vector: float32 [D], the mean of its patch features (docs/method.md, section 2.5).
        thumbnail: JPEG of its crop, at most 64 pixels wide and high.
        source: where it came from, for messages.
    """

    name: str
    vector: Tensor
    thumbnail: bytes
    source: str


@dataclass(frozen=True)
class Header:
    """What the file says before its vectors are read; cheap to get.

    Attributes:
        categories: id -> name, in the order of the prototypes.
        names: of each reference's class, in the order they were given.
        sources: of each reference.
        networks: what loads the same networks again ("options"), whose vectors they are ("backbone"), and the
            "context" around the objects (:func:`ntt.memory.crops.crop_window`).
    """

    categories: dict[int, str]
    names: list[str]
    sources: list[str]
    networks: dict[str, Any]


@dataclass(frozen=True)
class Saved:
    """The whole file.

    Attributes:
        header: all but the references themselves.
        references: of all classes, in the order they were given.
    """

    header: Header
    references: list[Reference]


def write_model(
    path: Path, categories: Mapping[int, str], references: Sequence[Reference], networks: dict[str, Any]
) -> None:
    """Write a fitted model; equal models give equal bytes."""
    import numpy as np
    import torch
    from safetensors.torch import save

    thumbnails = [np.frombuffer(reference.thumbnail, dtype=np.uint8) for reference in references]
    tensors = {
        "vectors": torch.stack([reference.vector for reference in references]),
        "thumbnails": torch.from_numpy(np.concatenate(thumbnails).copy()),
        "thumbnail_ends": torch.tensor([len(one) for one in thumbnails]).cumsum(0),
    }
    about = {
        "format": _FORMAT,
        "version": _VERSION,
        "classes": list(categories.values()),
        "ids": list(categories),
        "names": [reference.name for reference in references],
        "sources": [reference.source for reference in references],
        "networks": networks,
    }
    write_atomically(path, save(tensors, {"ntt": json.dumps(about, sort_keys=True)}))


def is_model(path: str | Path) -> bool:
    """Whether a path names a fitted model: by its suffix."""
    return Path(path).suffix == SUFFIX


def read_header(path: str | Path) -> Header:
    """What the file says of itself, without torch.

    Raises:
        InputError: the file is missing, damaged or something else.
    """
    from safetensors import safe_open

    with _refusing(Path(path)), safe_open(path, "np") as file:
        return _header(Path(path), file.metadata())


def read_model(path: str | Path) -> Saved:
    """The whole file.

    Raises:
        InputError: the file is missing, damaged or something else.
    """
    import torch
    from safetensors import safe_open

    path = Path(path)
    with _refusing(path):
        with safe_open(path, "pt") as file:
            header = _header(path, file.metadata())
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118  not a dict
        joined = tensors["thumbnails"].numpy().tobytes()
        ends = [0, *tensors["thumbnail_ends"].tolist()]
        vectors = tensors["vectors"]
        if not len(header.names) == len(vectors) == len(ends) - 1 or vectors.ndim != 2:
            raise ValueError("its parts are of different lengths")
        if not torch.isfinite(vectors).all():
            raise ValueError("a vector is not finite")
        references = [
            Reference(name, vectors[i], joined[ends[i] : ends[i + 1]], source)
            for i, (name, source) in enumerate(zip(header.names, header.sources, strict=True))
        ]
    return Saved(header, references)


def _header(path: Path, metadata: Mapping[str, str] | None) -> Header:
    about = json.loads((metadata or {})["ntt"])
    if about["format"] != _FORMAT:
        raise KeyError("format")
    if about["version"] > _VERSION:
        raise InputError(f"{path} was written by a later ntt (format {about['version']}): update ntt.")
    classes, names, networks = about["classes"], about["names"], about["networks"]
    ids = about["ids"] if about["version"] > 1 else [*range(1, len(classes) + 1)]
    categories = {int(one): str(name) for one, name in zip(ids, classes, strict=True)}
    if len(categories) != len(classes) or set(names) != set(classes) or len(set(classes)) != len(classes):
        raise ValueError("its classes are not those of its references")
    if not isinstance(networks, dict) or not all(isinstance(one, str) for one in networks["options"]):
        raise ValueError("it does not say which networks it was made with")
    return Header(categories, list(names), [str(source) for source in about["sources"]], networks)


@contextmanager
def _refusing(path: Path) -> Iterator[None]:
    from safetensors import SafetensorError

    try:
        yield
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist: give the file that model.save() wrote.") from error
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{path} is no fitted model of ntt, or it is damaged ({error}): save it again.") from error
