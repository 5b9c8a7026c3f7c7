"""A fitted model as one small file: vectors, names, thumbnails and the identity of the networks, in safetensors."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from ntt.errors import InputError
from ntt.model.references import Reference
from ntt.store.files import write_atomically

_FORMAT = "ntt fitted model"
_VERSION = 1


@dataclass(frozen=True)
class Saved:
    """What the file holds.

    Attributes:
        classes: names in the order of the prototypes.
        references: of all classes, in the order they were given.
        networks: what :func:`ntt.load` needs to load the same networks again, and what identifies them.
    """

    classes: tuple[str, ...]
    references: list[Reference]
    networks: dict[str, Any]


def write_model(path: Path, classes: Sequence[str], references: Sequence[Reference], networks: dict[str, Any]) -> None:
    """Write a fitted model; equal models give equal bytes."""
    thumbnails = [np.frombuffer(reference.thumbnail, dtype=np.uint8) for reference in references]
    tensors = {
        "vectors": torch.stack([reference.vector for reference in references]),
        "thumbnails": torch.from_numpy(np.concatenate(thumbnails).copy()),
        "thumbnail_ends": torch.tensor([len(one) for one in thumbnails]).cumsum(0),
    }
    about = {
        "format": _FORMAT,
        "version": _VERSION,
        "classes": list(classes),
        "names": [reference.name for reference in references],
        "sources": [reference.source for reference in references],
        "networks": networks,
    }
    write_atomically(path, save(tensors, {"ntt": json.dumps(about, sort_keys=True)}))


def is_model(path: str | Path) -> bool:
    """Whether a path names a fitted model: by its suffix."""
    return Path(path).suffix == ".ntt"


def read_model(path: str | Path) -> Saved:
    """Read a fitted model.

    Raises:
        InputError: the file is missing, damaged or something else.
    """
    path = Path(path)
    try:
        with safe_open(path, "pt") as file:
            about = json.loads((file.metadata() or {})["ntt"])
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118  not a dict
        if about["format"] != _FORMAT:
            raise KeyError("format")
        if about["version"] > _VERSION:
            raise InputError(f"{path} was written by a later ntt (format {about['version']}): update ntt.")
        joined = tensors["thumbnails"].numpy().tobytes()
        ends = [0, *tensors["thumbnail_ends"].tolist()]
        vectors = tensors["vectors"]
        if not len(about["names"]) == len(about["sources"]) == len(vectors) == len(ends) - 1:
            raise ValueError("its parts are of different lengths")
        if not torch.isfinite(vectors).all():
            raise ValueError("a vector is not finite")
        references = [
            Reference(name, vectors[i], joined[ends[i] : ends[i + 1]], source)
            for i, (name, source) in enumerate(zip(about["names"], about["sources"], strict=True))
        ]
        return Saved(tuple(about["classes"]), references, about["networks"])
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist: give the file that model.save() wrote.") from error
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} is no fitted model of ntt, or it is damaged ({error}): save it again.") from error
