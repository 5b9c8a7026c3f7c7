"""The transformer on image tokens in parts against the library's own on image tokens."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ntt.segmenters.factored import ImageTokens
from ntt.segmenters.sam2_network import hydra_state_kept
from ntt.segmenters.transformer import SharedImage, Transformer


def library_transformer(depth: int, dim: int, heads: int, seed: int) -> Any:
    """The library's transformer with every weight, bias and norm random."""
    with hydra_state_kept():
        from sam2.modeling.sam.transformer import TwoWayTransformer
    torch.manual_seed(seed)
    transformer = TwoWayTransformer(depth, dim, heads, mlp_dim=2 * dim)
    for parameter in transformer.parameters():
        torch.nn.init.normal_(parameter, std=parameter[0].numel() ** -0.5 if parameter.ndim > 1 else 0.5)
    return transformer.eval().requires_grad_(False)


def whole(transformer: Transformer, shared: SharedImage, image: ImageTokens) -> Tensor:
    """Image tokens ``[b, N, D]`` from their parts."""
    assert image.scale is not None
    total = shared.field.expand(len(image.scale), -1, -1)
    for addition in image.additions:
        total = total + addition.vectors.transpose(1, 2) @ addition.maps.float()
    return (image.scale * total + transformer.offset[:, None]).transpose(1, 2)


def inputs(dim: int, side: int, prompts: int, tokens: int) -> tuple[Tensor, Tensor, Tensor]:
    return torch.randn(dim, side, side + 1), torch.randn(1, dim, side, side + 1), torch.randn(prompts, tokens, dim)


@settings(max_examples=30, deadline=None)
@given(
    depth=st.integers(1, 3),
    heads=st.sampled_from([1, 2, 4]),
    width=st.integers(1, 4),
    side=st.integers(1, 5),
    prompts=st.integers(1, 3),
    tokens=st.integers(1, 5),
    seed=st.integers(0, 2**31),
)
def test_tokens_and_image_tokens_are_the_librarys(
    depth: int, heads: int, width: int, side: int, prompts: int, tokens: int, seed: int
) -> None:
    dim = 4 * heads * width
    library = library_transformer(depth, dim, heads, seed)
    image, pe, prompt_tokens = inputs(dim, side, prompts, tokens)
    transformer = Transformer(library, pe, torch.float32)

    shared = transformer.share(image)
    found, parts = transformer(shared, prompt_tokens)

    repeated = image.expand(prompts, -1, -1, -1)
    expected, expected_image = library(repeated, pe.expand_as(repeated), prompt_tokens)
    torch.testing.assert_close(found, expected, rtol=2e-4, atol=2e-4)
    torch.testing.assert_close(whole(transformer, shared, parts), expected_image, rtol=2e-4, atol=2e-4)


def test_one_image_serves_several_batches() -> None:
    image, pe, tokens = inputs(dim=32, side=4, prompts=5, tokens=3)
    transformer = Transformer(library_transformer(2, 32, 4, seed=1), pe, torch.float32)
    shared = transformer.share(image)

    together, _ = transformer(shared, tokens)
    apart = torch.cat([transformer(shared, batch)[0] for batch in tokens.split(2)])

    torch.testing.assert_close(apart, together, rtol=1e-5, atol=1e-5)


def test_the_parts_of_chosen_prompts_are_theirs() -> None:
    image, pe, tokens = inputs(dim=32, side=4, prompts=4, tokens=3)
    transformer = Transformer(library_transformer(2, 32, 4, seed=2), pe, torch.float32)
    shared = transformer.share(image)
    _, parts = transformer(shared, tokens)

    chosen = whole(transformer, shared, parts[torch.tensor([3, 1])])

    assert torch.equal(chosen, whole(transformer, shared, parts)[[3, 1]])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_products_stay_close(dtype: torch.dtype) -> None:
    image, pe, tokens = inputs(dim=64, side=6, prompts=3, tokens=7)
    library = library_transformer(2, 64, 8, seed=4)
    exact, half = (Transformer(library, pe, precision) for precision in (torch.float32, dtype))

    expected, _ = exact(exact.share(image), tokens)
    found, parts = half(half.share(image), tokens)

    assert found.dtype == torch.float32
    assert all(addition.maps.dtype == dtype for addition in parts.additions)
    assert 0 < (found - expected).abs().mean() < 0.02
