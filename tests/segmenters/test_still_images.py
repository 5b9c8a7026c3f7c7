"""Whether the vector for "no earlier frames" is added is what either of its two keys says."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from stand_ins import SAM2_ARCHITECTURE, sam2_overrides, write_sam2
from torch import Tensor

from ntt.errors import InputError
from ntt.segmenters.sam2 import Sam2
from ntt.segmenters.still_images import adds_no_mem_embed

SIDE = 128


def test_the_image_embedding_has_it_or_not(tmp_path: Path) -> None:
    vector = write_sam2(tmp_path / "small.pt", SIDE)["no_mem_embed"].view(1, -1, 1, 1)
    image = torch.rand(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(2))

    def embed(no_mem_embed: bool | None, override: bool | None) -> Tensor:
        overrides = {**sam2_overrides(), "directly_add_no_mem_embed": override}
        sam = Sam2(tmp_path / "small.pt", None, "small", SAM2_ARCHITECTURE, overrides, SIDE, no_mem_embed=no_mem_embed)
        return sam.encode(image).image_embed

    added, plain = embed(None, None), embed(False, None)
    assert vector.abs().max() > 0
    torch.testing.assert_close(added, plain + vector)
    assert torch.equal(embed(None, False), plain)
    assert torch.equal(embed(True, True), added)
    with pytest.raises(InputError, match=r"no_mem_embed=true and .*no_mem_embed=false contradict"):
        embed(True, False)


def test_nothing_said_is_nothing_decided() -> None:
    assert adds_no_mem_embed(None, {}) is None
    assert adds_no_mem_embed(None, {"directly_add_no_mem_embed": None}) is None
