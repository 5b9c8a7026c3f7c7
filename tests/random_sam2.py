"""Random SAM 2 networks and embeddings, for tests of the decoders."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from stand_ins import SAM2_ARCHITECTURE, SAM2_DIM, sam2_overrides

from ntt.segmenters.decoding import Embedding
from ntt.segmenters.sam2_network import build_network


def network(image_size: int, overrides: dict[str, Any], seed: int = 0) -> Any:
    """Random everywhere in prompt encoder and mask decoder, biases and norms too, so that no term is zero."""
    model = build_network(SAM2_ARCHITECTURE, overrides, image_size)
    torch.manual_seed(seed)
    for name, parameter in model.requires_grad_(False).named_parameters():
        if name.startswith(("sam_mask_decoder", "sam_prompt_encoder")):
            parameter.normal_(std=parameter[0].numel() ** -0.5 if parameter.ndim > 1 else 0.3)
            if parameter.ndim == 1 and "norm" in name:
                parameter.add_(1)
    return model


def small_overrides(**changes: Any) -> dict[str, Any]:
    """The small network with one block a stage: only the decoder matters here."""
    overrides = sam2_overrides(dim=SAM2_DIM)
    overrides["image_encoder"]["trunk"] = {
        "embed_dim": 24,
        "num_heads": 1,
        "stages": [1, 1, 1, 1],
        "global_att_blocks": [3],
    }
    return {**overrides, **changes}


def embedding(dim: int, side: int, high_res: bool = True) -> Embedding:
    generator = torch.Generator().manual_seed(1)
    coarse = torch.randn(1, dim, max(2, side // 4), max(2, side // 4), generator=generator)
    image = F.interpolate(coarse, (side, side), mode="bicubic")
    finer = [(dim // 8, 4 * side), (dim // 4, 2 * side)]
    levels = [torch.randn(1, channels, size, size, generator=generator) for channels, size in finer]
    return Embedding(image, levels if high_res else [])
