"""The settings of an encoder; importing them costs no torch."""

from __future__ import annotations

from dataclasses import dataclass

from ntt.errors import require, require_choice


@dataclass
class BackboneConfig:
    """The encoder; see conf/backbone/."""

    _target_: str
    name: str
    weights: str
    hub_id: str | None
    url: str | None
    image_size: int
    patch_size: int
    width: int
    depth: int
    heads: int
    ffn: str
    registers: int

    def __post_init__(self) -> None:
        require_choice("backbone.ffn", self.ffn, ("mlp", "swiglu"))
        require(
            self.image_size > 0 and self.image_size % self.patch_size == 0,
            "backbone.image_size",
            self.image_size,
            f"a multiple of the patch size {self.patch_size}",
        )
