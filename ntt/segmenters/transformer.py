"""SAM 2's two-way transformer on image tokens kept in parts, with the library's own weights.

The token side (self-attention, MLP, norms: 8 tokens a prompt) runs through the library's modules, in float32. The steps
that touch the 4096 image positions are those of :mod:`ntt.segmenters.factored`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from ntt.segmenters.factored import ImageTokens, SharedNorm, add_and_normalise, centred, pool, scores

if TYPE_CHECKING:
    from sam2.modeling.sam.transformer import TwoWayTransformer


@dataclass(frozen=True)
class SharedLayer:
    """What all prompts share of one image in a layer, by heads: ``[H, d, N]`` in the precision of the products.

    Attributes:
        keys, values: the field as tokens attend to it.
        queries: the field as it attends to tokens.
        norm: the field as it is normalised afterwards.
    """

    keys: Tensor
    values: Tensor
    queries: Tensor
    norm: SharedNorm


@dataclass(frozen=True)
class SharedImage:
    """One image, prepared for any number of prompts.

    Attributes:
        layers: one per layer.
        keys, values: ``[H, d, N]``, the field as tokens attend to it after the last layer.
        field: float32 ``[D, N]``, the field after the last layer.
    """

    layers: list[SharedLayer]
    keys: Tensor
    values: Tensor
    field: Tensor


class Transformer:
    """The two-way transformer of a loaded network.

    Args:
        library: the network's own; what is derived from its weights is computed here, once.
        image_pe: ``[1, D, h, w]``, position encoding of the image tokens.
        dtype: precision of the products with image positions.

    Attributes:
        offset: ``[D]``, the constant part of the image tokens after the last layer.
    """

    def __init__(self, library: TwoWayTransformer, image_pe: Tensor, dtype: torch.dtype) -> None:
        self._library = library
        self._heads = library.num_heads
        self._dtype = dtype
        layers = list(library.layers)
        offsets = [torch.zeros_like(layers[0].norm4.bias), *(layer.norm4.bias for layer in layers)]
        self._offsets, self.offset = offsets, offsets[-1]
        self._gathers = [*(layer.cross_attn_token_to_image for layer in layers), library.final_attn_token_to_image]
        self._updates = [layer.cross_attn_image_to_token for layer in layers]
        pe = image_pe.float().flatten(2)[0]  # [D, N]
        self._key_pe = [self._project(gather.k_proj, pe) for gather in self._gathers]
        self._query_pe = [self._project(update.q_proj, pe) for update in self._updates]
        # What a value of a layer's tokens adds to the image: when it is added, and as each norm from there on sees it.
        self._bases = [self._basis(index) for index in range(len(layers))]  # [H, d + 1, D]
        self._normalised_bases: list[list[Tensor]] = []
        seen: list[Tensor] = []
        for layer, basis in zip(layers, self._bases, strict=True):
            seen = [centred(earlier) for earlier in [*seen, basis]]
            self._normalised_bases.append(seen)
            seen = [earlier * layer.norm4.weight for earlier in seen]

    def share(self, image: Tensor) -> SharedImage:
        """Project one image for all its prompts.

        Args:
            image: ``[D, h, w]``, the embedding with the dense prompt embedding added.
        """
        field = image.float().flatten(1)  # [D, N]
        layers: list[SharedLayer] = []
        for index, layer in enumerate(self._library.layers):
            keys = self._project(self._gathers[index].k_proj, field)
            values = self._project(self._gathers[index].v_proj, field)
            queries = self._project(self._updates[index].q_proj, field)
            if index == 0:
                keys, queries = keys + self._key_pe[0], queries + self._query_pe[0]
            field = centred(field, 0)
            products = tuple((basis @ field).to(self._dtype) for basis in self._normalised_bases[index])
            norm = SharedNorm(field.square().mean(0, keepdim=True), products)
            layers.append(SharedLayer(keys, values, queries, norm))
            field = field * layer.norm4.weight[:, None]
        last = self._gathers[-1]
        return SharedImage(layers, self._project(last.k_proj, field), self._project(last.v_proj, field), field)

    def __call__(self, shared: SharedImage, tokens: Tensor) -> tuple[Tensor, ImageTokens]:
        """Let prompts and image attend to each other.

        Args:
            shared: the image.
            tokens: float32 ``[b, T, D]``, the output tokens and each prompt's own.

        Returns:
            The tokens afterwards, float32 ``[b, T, D]``, and the prompts' parts of the image tokens.
        """
        queries, image = tokens, ImageTokens()
        for index, (layer, level) in enumerate(zip(self._library.layers, shared.layers, strict=True)):
            if layer.skip_first_layer_pe:
                queries = layer.self_attn(q=queries, k=queries, v=queries)
            else:
                placed = queries + tokens
                queries = queries + layer.self_attn(q=placed, k=placed, v=queries)
            queries = layer.norm1(queries)
            queries = queries + self._gather(index, level.keys, level.values, image, queries + tokens)
            queries = layer.norm2(queries)
            queries = layer.norm3(queries + layer.mlp(queries))
            image = self._update(index, level, image, queries, queries + tokens)
        queries = queries + self._gather(len(shared.layers), shared.keys, shared.values, image, queries + tokens)
        return self._library.norm_final_attn(queries), image

    def _gather(self, index: int, keys: Tensor, values: Tensor, image: ImageTokens, placed: Tensor) -> Tensor:
        """What tokens ``[b, T, D]`` read from the image, ``[b, T, D]``."""
        attention = self._gathers[index]
        asked = self._by_head(attention.q_proj(placed))
        logits = scores(asked, keys, attention.k_proj.weight, image, self._key_pe[index])
        read = pool(logits.softmax(-1), values, attention.v_proj.weight, image)
        # The weights of a token sum to 1, so the constant part arrives as it is.
        return attention.out_proj(read.flatten(2) + attention.v_proj(self._offsets[index]))

    def _update(
        self, index: int, level: SharedLayer, image: ImageTokens, tokens: Tensor, placed: Tensor
    ) -> ImageTokens:
        """The image reads from the tokens ``[b, T, D]``, and is normalised."""
        attention = self._updates[index]
        offered = self._by_head(attention.k_proj(placed))
        logits = scores(offered, level.queries, attention.q_proj.weight, image, self._query_pe[index])
        constant = attention.q_proj(self._offsets[index]).unflatten(0, (self._heads, -1))
        logits += (offered * constant).sum(-1).flatten(1).unsqueeze(2).to(logits.dtype)
        maps = logits.unflatten(1, (-1, self._heads)).softmax(1).flatten(1, 2)
        values = attention.v_proj(tokens).unflatten(-1, (self._heads, -1))
        values = torch.cat([values, torch.ones_like(values[..., :1])], dim=-1)
        return add_and_normalise(image, maps, values, self._bases[index], level.norm, self._library.layers[index].norm4)

    def _basis(self, index: int) -> Tensor:
        """``[H, d + 1, D]``: the output projection by heads; the constants, spread evenly, as one more value."""
        projection = self._updates[index].out_proj
        constant = (projection.bias + self._offsets[index]) / self._heads
        by_head = projection.weight.T.unflatten(0, (self._heads, -1))
        return torch.cat([by_head, constant.expand(self._heads, 1, -1)], dim=1)

    def _by_head(self, projected: Tensor) -> Tensor:
        """``[b, T, H * d]`` to ``[b, T, H, d]``, divided by the root of d."""
        by_head = projected.unflatten(-1, (self._heads, -1))
        return by_head * by_head.shape[-1] ** -0.5

    def _project(self, projection: nn.Linear, field: Tensor) -> Tensor:
        """A field ``[D, N]`` to ``[H, d, N]``, without the bias."""
        return (projection.weight @ field).unflatten(0, (self._heads, -1)).to(self._dtype)
