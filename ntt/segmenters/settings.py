"""The settings of a segmenter; importing them costs no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ntt.errors import require, require_choice
from ntt.segmenters.still_images import OVERRIDE, adds_no_mem_embed, first_given

DECODERS = ("fast", "plain")


@dataclass
class SegmenterConfig:
    """The promptable segmenter; see conf/segmenter/."""

    _target_: str
    name: str
    weights: str
    url: str | None
    architecture: str
    overrides: dict[str, Any]
    image_size: int
    prompt_batch: int | None
    decoder: str
    no_mem_embed: bool | None = None

    def __post_init__(self) -> None:
        require(
            self.image_size > 0 and self.image_size % 32 == 0,
            "segmenter.image_size",
            self.image_size,
            "a multiple of 32",
        )
        require(
            self.prompt_batch is None or self.prompt_batch > 0,
            "segmenter.prompt_batch",
            self.prompt_batch,
            "null or a whole number above 0",
        )
        require_choice("segmenter.decoder", self.decoder, DECODERS)
        # One key from here on, so that both ways to give it are the same artifact.
        self.no_mem_embed = first_given(adds_no_mem_embed(self.no_mem_embed, self.overrides), True)
        self.overrides = {key: value for key, value in self.overrides.items() if key != OVERRIDE}
