"""The three namings of DINOv3's weights, and the way from each to the names of transformers 5.

- Meta's original files (``blocks.0.attn.qkv.weight``),
- the files on the Hub (``layer.0.attention.q_proj.weight``),
- transformers 5's own modules (``model.layer.0.attention.q_proj.weight``).

Meta stacks query, key and value in one matrix. The key has no bias: Meta's stacked bias comes with a mask
that is multiplied to it (``blocks.0.attn.qkv.bias_mask``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from torch import Tensor

from ntt.backbones.architecture import Architecture
from ntt.backbones.keys import Naming, Source
from ntt.errors import InputError

_BLOCKS = "model.layer"
_META_TOP = {
    "embeddings.cls_token": Source("cls_token"),
    "embeddings.mask_token": Source("mask_token"),
    "embeddings.register_tokens": Source("storage_tokens"),
    "embeddings.patch_embeddings": Source("patch_embed.proj"),
}
_META_ATTENTION = {
    "attention.q_proj": Source("attn.qkv", 0, 3),
    "attention.k_proj": Source("attn.qkv", 1, 3),
    "attention.v_proj": Source("attn.qkv", 2, 3),
    "attention.o_proj": Source("attn.proj"),
    "layer_scale1.lambda1": Source("ls1.gamma"),
    "layer_scale2.lambda1": Source("ls2.gamma"),
}
_META_FFN = {
    "mlp": {"mlp.up_proj": Source("mlp.fc1"), "mlp.down_proj": Source("mlp.fc2")},
    "swiglu": {
        "mlp.gate_proj": Source("mlp.w1"),
        "mlp.up_proj": Source("mlp.w2"),
        "mlp.down_proj": Source("mlp.w3"),
    },
}
_HUB = Naming({}, "layer", {})

PERIODS = "rope_embed.periods"
_BIAS, _MASK = "attn.qkv.bias", "attn.qkv.bias_mask"
# A normalisation of the class token of small crops, which only training uses; the largest files have it.
_TRAINING_ONLY = ("local_cls_norm.weight", "local_cls_norm.bias")


def is_metas(found: Iterable[str]) -> bool:
    """Whether a checkpoint with the keys ``found`` has Meta's names."""
    found = set(found)
    return "storage_tokens" in found or "patch_embed.proj.weight" in found


def sources(names: Iterable[str], found: Iterable[str], ffn: str) -> dict[str, Source]:
    """For each of transformers 5's parameter ``names``, where a checkpoint with the keys ``found`` has it.

    The naming is told by keys that every file of it has; otherwise it is taken for transformers 5's.
    """
    found = set(found)
    if is_metas(found):
        return Naming(_META_TOP, "blocks", _META_ATTENTION | _META_FFN[ffn]).sources(names, _BLOCKS)
    if any(key.startswith("layer.") for key in found):
        return _HUB.sources(names, _BLOCKS)
    return {name: Source(name) for name in names}


def meta_shapes(architecture: Architecture, found: Iterable[str]) -> dict[str, tuple[int, ...]]:
    """Names and shapes of what a file of Meta's holds beside the parameters, or in another shape than theirs."""
    width, found = architecture.width, set(found)
    shapes: dict[str, tuple[int, ...]] = {
        "mask_token": (1, width),
        PERIODS: (width // architecture.heads // 4,),
    }
    for block in range(architecture.depth):
        if f"blocks.{block}.{_BIAS}" in found:
            shapes[f"blocks.{block}.{_MASK}"] = (3 * width,)
    return shapes | {key: (width,) for key in _TRAINING_ONLY if key in found}


def masked_biases(found: Mapping[str, Tensor], origin: object) -> dict[str, Tensor]:
    """Each stacked bias of a file of Meta's times its mask, under the bias's own key.

    Args:
        found: the file's tensors.
        origin: the file, for the message.

    Raises:
        InputError: the key has a bias after all, which no released network does.
    """
    masked = {}
    for key, mask in found.items():
        if not key.endswith(_MASK):
            continue
        bias_key = key.removesuffix("_mask")
        bias = found[bias_key].float() * mask.float()
        if not bias.is_meta and bias.chunk(3)[1].any():
            raise InputError(f"{origin} (backbone.weights) has biases of attention keys in {bias_key}; DINOv3 has none")
        masked[bias_key] = bias
    return masked
