"""The encoder and the segmenter of a model, loaded when the first of them is needed."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from ntt.composition.parts import build
from ntt.config import RunConfig


class LoadedNetworks:
    """Loads each network once.

    Args:
        config: names both, the device and the precision.
        options: what the config was composed from, for the identity in saved models.
    """

    def __init__(self, config: RunConfig, options: list[str]) -> None:
        self._config = config
        self._options = options

    @property
    def identity(self) -> dict[str, Any]:
        """What a saved model says of its networks: how to load them, and which weights they were."""
        return {
            "options": self._options,
            "backbone": {"name": self._config.backbone.name, "weights": getattr(self.backbone, "weights_sha256", None)},
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
        return self._load(self._config.backbone_options())

    @cached_property
    def segmenter(self) -> Any:
        """The segmenter."""
        return self._load(self._config.segmenter_options())

    def _load(self, options: dict[str, Any]) -> Any:
        return build(options, **self._place)
