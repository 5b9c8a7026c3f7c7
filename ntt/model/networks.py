"""The encoder and the segmenter of a model, loaded when the first of them is needed."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

from ntt.composition.parts import build
from ntt.config import RunConfig
from ntt.fitted.files import Header
from ntt.fitted.identity import encoder_identity, refuse_another_encoder


class LoadedNetworks:
    """Loads each network once.

    Args:
        config: names both, the device and the precision.
        options: what the config was composed from, for the identity in saved models.
    """

    def __init__(self, config: RunConfig, options: list[str]) -> None:
        self._config = config
        self._options = options
        self._expected: tuple[Path, Header] | None = None

    def expect(self, path: Path, header: Header) -> None:
        """Refuse another encoder than that of a fitted model: by what is configured now, by its weights once loaded.

        Raises:
            InputError: it is another.
        """
        self._expected = path, header
        self._compare(None)

    def _compare(self, weights: str | None) -> None:
        if self._expected:
            present = encoder_identity(self._config.backbone, weights, self._config.precision)
            refuse_another_encoder(*self._expected, present, self._config.memory.context)

    @property
    def identity(self) -> dict[str, Any]:
        """What a saved model says of its networks: how to load them, and which weights they were."""
        config = self._config
        weights = getattr(self.backbone, "weights_sha256", None)
        return {
            "options": self._options,
            "backbone": encoder_identity(config.backbone, weights, self._place["precision"]),
            "context": config.memory.context,
        }

    @cached_property
    def _place(self) -> dict[str, Any]:
        from ntt.compute.devices import resolve_device
        from ntt.compute.precision import resolve_precision

        device = resolve_device(self._config.device)
        return {"device": device, "precision": resolve_precision(self._config.precision, device)}

    @cached_property
    def backbone(self) -> Any:
        """The encoder."""
        loaded = self._load(self._config.backbone_options())
        if self._expected:
            self._compare(getattr(loaded, "weights_sha256", None))
        return loaded

    @cached_property
    def segmenter(self) -> Any:
        """The segmenter."""
        return self._load(self._config.segmenter_options())

    def _load(self, options: dict[str, Any]) -> Any:
        return build(options, **self._place)
