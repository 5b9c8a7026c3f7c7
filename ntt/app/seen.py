"""What the networks saw in each photograph, kept in the store: after the first look nothing but matching runs again."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from ntt.app.photos import Photo, pixels
from ntt.config import RunConfig, user_path
from ntt.data.images import UnreadableImage
from ntt.foreign.patience import PATIENCE
from ntt.foreign.tensors import read_safetensors
from ntt.model.networks import LoadedNetworks
from ntt.proposals.image_proposals import ImageProposals
from ntt.proposals.networks import MasksAndVectors, network_input
from ntt.proposals.stored_form import (
    digest_of,
    masks_to_tensors,
    proposals_from_tensors,
    vectors_to_tensors,
)
from ntt.stages.shards import MASKS_CODE, VECTORS_CODE
from ntt.store.artifacts import MADE_AGAIN, Artifact
from ntt.store.files import write_atomically
from ntt.store.store import Store

_MASKS, _VECTORS = "masks.safetensors", "vectors.safetensors"
_IN_MEMORY = 64  # photographs whose proposals are at hand: those in view


class Seen:
    """Proposals by photograph, found in the store or made by the networks.

    Args:
        config: names the networks, the proposals' settings and the store.
        networks: loaded at first need.
    """

    def __init__(self, config: RunConfig, networks: LoadedNetworks) -> None:
        self._config = config
        self._networks = networks
        self._store = Store(user_path(config.store.root), config.store.lease_seconds, code=config.store.code)
        self._digests: dict[tuple[Path, int, int], str] = {}
        self._recent: OrderedDict[str, ImageProposals] = OrderedDict()
        self._done: set[str] = set()
        self._lock = threading.Lock()

    def of(self, photo: Photo) -> ImageProposals | None:
        """What was seen in a photograph; None where nobody has looked yet."""
        with self._lock:
            if photo.id in self._recent:
                self._recent.move_to_end(photo.id)
                return self._recent[photo.id]
        artifact = self._artifact(photo)
        if not artifact.exists() or artifact.damage():
            return None
        masks = read_safetensors(artifact.path / _MASKS, str(artifact.path), MADE_AGAIN)
        vectors = read_safetensors(artifact.path / _VECTORS, str(artifact.path), MADE_AGAIN)
        return self._keep(photo, proposals_from_tensors(masks, vectors)[0])

    def is_done(self, photo: Photo) -> bool:
        """Whether somebody has looked: cheap, for lists of thousands."""
        return photo.id in self._done

    def look(self, photo: Photo) -> ImageProposals:
        """Run both networks over a photograph, unless that was done before.

        Raises:
            UnreadableImage: it cannot be decoded.
            FloatingPointError: names the network whose numbers are not finite.
        """
        artifact = self._artifact(photo)
        absent, _ = self._store.missing([artifact])
        made: list[ImageProposals] = []
        if absent:
            self._store.obtain(absent, lambda each: made.append(self._make(photo, each)))
        if made:
            return self._keep(photo, made[0])
        found = self.of(photo)
        if found is None:
            raise UnreadableImage(photo.path, "its file was replaced meanwhile")
        return found

    def _make(self, photo: Photo, artifact: Artifact) -> ImageProposals:
        image = pixels(photo)
        networks = MasksAndVectors(
            self._networks.backbone, self._networks.segmenter, getattr(torch, self._config.store.vectors)
        )
        encoded = networks.encode(network_input(image, networks.segmenter.image_size).unsqueeze(0))
        new = networks.postprocess(networks.decode(encoded, 0), *image.shape[:2])
        digest = digest_of([new.grid_masks])
        with artifact.writing() as folder:
            write_atomically(folder / _MASKS, save(masks_to_tensors([new.masks], digest)))
            write_atomically(folder / _VECTORS, save(vectors_to_tensors([new.vectors], digest)))
        return ImageProposals.of(new.masks, new.vectors)

    def _keep(self, photo: Photo, found: ImageProposals) -> ImageProposals:
        with self._lock:
            self._done.add(photo.id)
            self._recent[photo.id] = found
            self._recent.move_to_end(photo.id)
            while len(self._recent) > _IN_MEMORY:
                self._recent.popitem(last=False)
        return found

    def _artifact(self, photo: Photo) -> Artifact:
        return self._store.artifact("photographs", {**self._identity, "image": self._digest(photo)})

    @property
    def _identity(self) -> dict[str, Any]:
        config = self._config
        networks = {
            "backbone": self._networks.backbone.weights_sha256,
            "segmenter": self._networks.segmenter.weights_sha256,
        }
        options = [_options(config.backbone), _options(config.segmenter), config.proposals.options()]
        code = [MASKS_CODE, VECTORS_CODE]
        place = [config.precision, str(self._networks.segmenter.device.type), config.store.vectors]
        return {"code": code, "networks": networks, "options": options, "place": place}

    def _digest(self, photo: Photo) -> str:
        try:
            status = photo.path.stat()
            key = (photo.path, status.st_size, status.st_mtime_ns)
            if key not in self._digests:
                self._digests[key] = hashlib.sha256(PATIENCE.of(photo.path.read_bytes)).hexdigest()
            return self._digests[key]
        except OSError as error:
            raise UnreadableImage(photo.path, error.strerror or str(error)) from error


def _options(network: object) -> dict[str, Any]:
    found = asdict(network) if is_dataclass(network) and not isinstance(network, type) else vars(network)
    return {key: value for key, value in found.items() if key not in ("weights", "url")}
