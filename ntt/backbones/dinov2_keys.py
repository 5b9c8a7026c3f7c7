"""The three namings of DINOv2's weights, and the way from each to the names of transformers 5.

- Meta's original files (``blocks.0.attn.qkv.weight``),
- the files on the Hub, written before transformers 5 and still what it writes
  (``encoder.layer.0.attention.attention.query.weight``),
- transformers 5's own modules (``encoder.layer.0.attention.q_proj.weight``).

Meta stacks query, key and value in one matrix; both older namings stack the two inputs of a SwiGLU.
"""

from __future__ import annotations

from collections.abc import Iterable

from ntt.backbones.keys import Naming, Source

_BLOCKS = "encoder.layer"
_META_TOP = {
    "embeddings.cls_token": Source("cls_token"),
    "embeddings.mask_token": Source("mask_token"),
    "embeddings.register_tokens": Source("register_tokens"),
    "embeddings.position_embeddings": Source("pos_embed"),
    "embeddings.patch_embeddings.projection": Source("patch_embed.proj"),
    "layernorm": Source("norm"),
}
_META_BLOCK = {
    "norm1": Source("norm1"),
    "attention.q_proj": Source("attn.qkv", 0, 3),
    "attention.k_proj": Source("attn.qkv", 1, 3),
    "attention.v_proj": Source("attn.qkv", 2, 3),
    "attention.o_proj": Source("attn.proj"),
    "layer_scale1.lambda1": Source("ls1.gamma"),
    "norm2": Source("norm2"),
    "mlp.fc1": Source("mlp.fc1"),
    "mlp.fc2": Source("mlp.fc2"),
    "mlp.gate_proj": Source("mlp.w12", 0, 2),
    "mlp.up_proj": Source("mlp.w12", 1, 2),
    "mlp.down_proj": Source("mlp.w3"),
    "layer_scale2.lambda1": Source("ls2.gamma"),
}
_HUB_BLOCK = {
    "attention.q_proj": Source("attention.attention.query"),
    "attention.k_proj": Source("attention.attention.key"),
    "attention.v_proj": Source("attention.attention.value"),
    "attention.o_proj": Source("attention.output.dense"),
    "mlp.gate_proj": Source("mlp.weights_in", 0, 2),
    "mlp.up_proj": Source("mlp.weights_in", 1, 2),
    "mlp.down_proj": Source("mlp.weights_out"),
}
_META = Naming(_META_TOP, "blocks", _META_BLOCK)
_HUB = Naming({}, _BLOCKS, _HUB_BLOCK)


def sources(names: Iterable[str], found: Iterable[str]) -> dict[str, Source]:
    """For each of transformers 5's parameter ``names``, where a checkpoint with the keys ``found`` has it.

    The naming is told by keys that every file of it has; otherwise it is taken for transformers 5's.
    """
    found = set(found)
    if "pos_embed" in found or "patch_embed.proj.weight" in found:
        return _META.sources(names, _BLOCKS)
    if any(".attention.attention." in key for key in found):
        return _HUB.sources(names, _BLOCKS)
    return {name: Source(name) for name in names}
