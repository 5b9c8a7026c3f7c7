"""Image tokens of SAM 2's mask decoder, kept as a sum of shared and low-rank parts (docs/method.md, section 8.2).

The library updates ``[b, N, D]`` image tokens (b prompts, N = 4096 positions, D = 256 channels) in every layer of its
two-way transformer. Here they are never formed. A prompt has T = 8 tokens, so an attention of H = 8 heads from image to
tokens can only add T * H = 64 different vectors to the image, each weighted by one attention map; a layer norm then
shifts and rescales every position. So after some layers the image tokens of a prompt are exactly

    x(n) = scale(n) * (field(n) + sum_k maps[k, n] * vectors[k]) + offset

* ``field`` [D, N] is the image embedding, centred over channels and multiplied by the norms' weights: it depends on the
  number of layers but on no prompt;
* ``maps`` [T * H, N] per layer are the prompt's attention maps, divided by the scale they were added under, and
  ``vectors`` [T * H, D] what its tokens add with them;
* ``scale`` [N] is the product of the norms' 1 / deviation, and ``offset`` [D] the last norm's bias.

What the decoder does with image tokens is linear, so it acts on the parts: what concerns ``field`` is computed once per
image, and per prompt only the d = D / 2H channels of a head meet all positions:

* a score ``q . W x(n)`` of a token in a head is an inner product over d channels with the shared ``W field``, plus
  products with the maps (:func:`scores`); an attended value ``sum_n p(n) W x(n)`` is the same read backwards
  (:func:`pool`). No prompt projects 4096 positions to keys, queries or values.
* the variance at n is that of ``y = field + maps^T vectors``, all centred over channels: ``|y|^2 = |field|^2 +
  sum_k maps[k] * (2 <vectors[k], field> + sum_j <vectors[k], vectors[j]> maps[j])``. The inner products with the field
  need d channels only, as a vector is a token's value in a head times a weight.
* constants cost nothing: the maps of a head sum to 1 over the tokens, so a constant is spread over all vectors; and a
  constant over positions drops out of a softmax over positions.

That is 0.24 G multiply-adds per prompt instead of 1.4 G, on arrays of a quarter of the size.

Row ``t * H + h`` of maps, scores and vectors is token t in head h: the rows of one head then lie H * N apart for all
prompts, and one matrix product per head serves the whole batch.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Addition:
    """What one layer added to the image tokens of b prompts.

    Attributes:
        maps: ``[b, T * H, N]``, in the precision of the products.
        vectors: float32 ``[b, T * H, D]``, as the norms since have left them.
        values: float32 ``[b, T, H, d + 1]``, the tokens' values (and a 1) that the vectors are made of.
    """

    maps: Tensor
    vectors: Tensor
    values: Tensor


@dataclass(frozen=True)
class ImageTokens:
    """The prompts' own parts of the image tokens.

    Attributes:
        scale: float32 ``[b, 1, N]``; None before the first layer, where it is 1.
        additions: one per layer.
    """

    scale: Tensor | None = None
    additions: tuple[Addition, ...] = ()

    def __getitem__(self, prompts: Tensor) -> ImageTokens:
        """The parts of some of the prompts, without the values, which only further layers need."""
        assert self.scale is not None
        chosen = (Addition(a.maps[prompts], a.vectors[prompts], a.values[:0]) for a in self.additions)
        return ImageTokens(self.scale[prompts], tuple(chosen))


@dataclass(frozen=True)
class SharedNorm:
    """What a layer norm of the image tokens needs of the image.

    Attributes:
        power: float32 ``[1, N]``, mean square of the centred field over its channels.
        products: ``[H, d + 1, N]`` per layer so far: inner products of the centred field with what a value of 1 adds.
    """

    power: Tensor
    products: tuple[Tensor, ...]


def centred(x: Tensor, dim: int = -1) -> Tensor:
    """``x`` minus its mean over the channels."""
    return x - x.mean(dim, keepdim=True)


def scores(tokens: Tensor, field: Tensor, weight: Tensor, image: ImageTokens, constant: Tensor) -> Tensor:
    """Inner products of tokens with projected image tokens, head by head.

    Args:
        tokens: float32 ``[b, T, H, d]``.
        field: ``[H, d, N]``, the projected field; before the first layer with ``constant`` added.
        weight: float32 ``[H * d, D]``, the projection.
        image: the prompts' parts.
        constant: ``[H, d, N]``, the projected position encoding, which no norm rescales.

    Returns:
        ``[b, T * H, N]``, without what the offset contributes.
    """
    batch, count, heads, _ = tokens.shape
    result = field.new_empty(batch, count * heads, field.shape[2])
    if image.scale is None:
        _add_products(result, tokens, field, beta=0)
        return result
    for index, addition in enumerate(image.additions):
        keys = (addition.vectors @ weight.T).unflatten(-1, (heads, -1))  # [b, T * H, H, d]
        mixing = torch.einsum("bthd,brhd->bthr", tokens, keys).flatten(1, 2)  # [b, T * H, T * H]
        result.baddbmm_(mixing.to(result.dtype), addition.maps, beta=min(index, 1))
    _add_products(result, tokens, field)
    result.mul_(image.scale.to(result.dtype))
    _add_products(result, tokens, constant)
    return result


def pool(weights: Tensor, field: Tensor, weight: Tensor, image: ImageTokens) -> Tensor:
    """Sums of projected image tokens over all positions.

    Args:
        weights: ``[b, T * H, N]``, changed in place.
        field: ``[H, d, N]``, the projected field.
        weight: float32 ``[H * d, D]``, the projection.
        image: the prompts' parts.

    Returns:
        float32 ``[b, T, H, d]``, without what the offset contributes.
    """
    if image.scale is not None:
        weights.mul_(image.scale.to(weights.dtype))
    heads, _, positions = field.shape
    by_head = weights.view(-1, heads, positions).transpose(0, 1)  # [H, b * T, N]
    pooled = torch.bmm(by_head, field.transpose(1, 2)).float()  # [H, b * T, d]
    pooled = pooled.transpose(0, 1).unflatten(0, (len(weights), -1))
    for addition in image.additions:
        shares = torch.bmm(weights, addition.maps.transpose(1, 2)).float()  # [b, T * H, T * H]
        values = (addition.vectors @ weight.T).unflatten(-1, (heads, -1))  # [b, T * H, H, d]
        pooled = pooled + torch.einsum("bthr,brhd->bthd", shares.unflatten(1, (-1, heads)), values)
    return pooled


def add_and_normalise(
    image: ImageTokens, maps: Tensor, values: Tensor, basis: Tensor, shared: SharedNorm, norm: nn.LayerNorm
) -> ImageTokens:
    """Add what an attention brings to the image tokens, then apply a layer norm to them.

    Args:
        image: the prompts' parts before.
        maps: ``[b, T * H, N]``, how much of each vector a position receives; changed in place.
        values: float32 ``[b, T, H, d + 1]``, the tokens' values and a 1.
        basis: float32 ``[H, d + 1, D]``, what a value adds to a position; its last row is the constant.
        shared: the image's part.
        norm: the layer norm.
    """
    if image.scale is not None:
        maps.div_(image.scale.to(maps.dtype))
    added = torch.einsum("bthd,hdc->bthc", values, basis).flatten(1, 2)  # [b, T * H, D]
    additions = [*image.additions, Addition(maps, added, values)]
    vectors = [centred(addition.vectors) for addition in additions]
    variance = shared.power  # [1, N]
    for index, (addition, field) in enumerate(zip(additions, shared.products, strict=True)):
        # Pairs of different layers appear twice in the square: taken once, doubled.
        products = torch.empty_like(addition.maps)
        for other in range(index, len(additions)):
            gram = vectors[index] @ vectors[other].transpose(1, 2)  # [b, T * H, T * H]
            gram = gram * ((1 if other == index else 2) / norm.weight.numel())
            products.baddbmm_(gram.to(maps.dtype), additions[other].maps, beta=min(other - index, 1))
        _add_products(products, addition.values * (2 / norm.weight.numel()), field)
        variance = variance + products.mul_(addition.maps).sum(1, keepdim=True, dtype=torch.float32)  # [b, 1, N]
    variance = variance.clamp(min=0)
    if image.scale is None:
        scale = torch.rsqrt(variance + norm.eps)
    else:
        scale = image.scale * torch.rsqrt(image.scale.square() * variance + norm.eps)
    normalised = zip(additions, vectors, strict=True)
    return ImageTokens(scale, tuple(Addition(a.maps, v * norm.weight, a.values) for a, v in normalised))


def _add_products(result: Tensor, tokens: Tensor, field: Tensor, beta: int = 1) -> None:
    """``result[b, t * H + h] = beta * result[b, t * H + h] + tokens[b, t, h] @ field[h]``, in place."""
    heads, _, positions = field.shape
    by_head = tokens.flatten(0, 1).transpose(0, 1).to(field.dtype)  # [H, b * T, d]
    if torch.compiler.is_compiling():
        # Compilers turn this view of a view into a copy, and then fail over its strides.
        products = torch.bmm(by_head, field).transpose(0, 1).reshape(result.shape)
        result.add_(products) if beta else result.copy_(products)
        return
    result.view(-1, heads, positions).transpose(0, 1).baddbmm_(by_head, field, beta=beta)
