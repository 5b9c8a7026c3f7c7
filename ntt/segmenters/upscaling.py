"""From image tokens to mask logits: SAM 2's two transposed convolutions, for one mask of each prompt worth it.

A transposed convolution of kernel and stride 2 is a matrix product that makes 2 x 2 pixels of each position. Pixels
stay in that order, ``[sub-pixel, channel, position]``, through both of them; only the finished logits are laid out as
an image. The first product acts on the parts of the image tokens (:mod:`ntt.segmenters.factored`): the image's part is
computed once, and the prompt's part has 128 channels instead of 256. The layer norm after it needs no mean, because
weights and features are centred beforehand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ntt.segmenters.factored import ImageTokens, centred

if TYPE_CHECKING:
    from sam2.modeling.sam.mask_decoder import MaskDecoder


@dataclass(frozen=True)
class SharedUpscaling:
    """What all masks of an image share, over N = h * w positions.

    Attributes:
        field: ``[D, N]``, the first convolution of the image's part, D/4 channels of 4 sub-pixels.
        middle: ``[D, N]``, what is added to it: features of twice the resolution and all constants, centred.
        fine: ``[16, D/8, N]``, what is added to the second convolution: features of four times the resolution, bias.
        height, width: h and w.
    """

    field: Tensor
    middle: Tensor
    fine: Tensor
    height: int
    width: int


class Upscaler:
    """The upscaling of a loaded mask decoder.

    Args:
        decoder: the network's own.
        offset: ``[D]``, the constant part of the image tokens.
        dtype: precision of the products. Deviations are float32.
    """

    def __init__(self, decoder: MaskDecoder, offset: Tensor, dtype: torch.dtype) -> None:
        first, self._norm, self._activation, second, self._last_activation = decoder.output_upscaling
        self._dtype = dtype
        by_pixel = centred(first.weight.permute(2, 3, 1, 0).flatten(0, 1), 1)  # [4, D/4, D]
        self._weight = by_pixel.flatten(0, 1)
        self._constant = centred(first.bias).repeat(4) + self._weight @ offset
        self._second = second.weight.permute(2, 3, 1, 0).flatten(0, 2).to(dtype)  # [4 * D/8, D/4]
        self._second_bias = second.bias

    def share(self, field: Tensor, high_res: list[Tensor], height: int) -> SharedUpscaling:
        """Prepare one image.

        Args:
            field: float32 ``[D, N]``, the image's part of the image tokens.
            high_res: ``[D/8, 4h, 4w]`` and ``[D/4, 2h, 2w]``, finest first; empty for a network without.
            height: h.
        """
        middle = self._constant[:, None].expand(-1, field.shape[1])
        fine = self._second_bias[:, None].expand(16, -1, field.shape[1])
        if high_res:
            finest, finer = (level.float() for level in high_res)
            middle = middle + centred(_sub_pixels(finer, height, 1), 1).flatten(0, 1)
            fine = fine + _sub_pixels(finest, height, 2)
        upscaled = (self._weight @ field).to(self._dtype)
        width = field.shape[1] // height
        return SharedUpscaling(upscaled, middle.to(self._dtype), fine.to(self._dtype), height, width)

    def __call__(self, shared: SharedUpscaling, image: ImageTokens, mask_weights: Tensor) -> Tensor:
        """Mask logits.

        Args:
            shared: the image.
            image: the prompts' parts of the image tokens.
            mask_weights: float32 ``[b, D/8]``, the hypernetwork's output for the chosen mask of each prompt.

        Returns:
            float32 ``[b, 4h, 4w]``.
        """
        assert image.scale is not None
        batch, _, positions = image.scale.shape
        x = shared.field.repeat(batch, 1, 1)  # [b, D, N]
        for addition in image.additions:
            mixing = (addition.vectors @ self._weight.T).transpose(1, 2)  # [b, D, T * H]
            x.baddbmm_(mixing.to(self._dtype), addition.maps)
        x.mul_(image.scale.to(self._dtype)).add_(shared.middle)
        x = x.unflatten(1, (4, -1)).flatten(0, 1)  # [b * 4, D/4, N]
        variance = x.square().mean(1, keepdim=True, dtype=torch.float32)
        x.mul_(torch.rsqrt(variance + self._norm.eps).to(self._dtype))
        weight, bias = (p[:, None].to(self._dtype) for p in (self._norm.weight, self._norm.bias))
        x = self._activation(x.mul_(weight).add_(bias))
        x = torch.bmm(self._second.expand(len(x), -1, -1), x).view(batch, 16, -1, positions)
        x = self._last_activation(x.add_(shared.fine)).flatten(0, 1)  # [b * 16, D/8, N]
        weights = mask_weights.to(self._dtype).repeat_interleave(16, dim=0).unsqueeze(1)  # [b * 16, 1, D/8]
        return _as_image(torch.bmm(weights, x).float().view(batch, 16, positions), shared.height)


def _sub_pixels(level: Tensor, height: int, doublings: int) -> Tensor:
    """Gather the pixels that belong to one position.

    Args:
        level: ``[C, 2h, 2w]`` with one doubling, ``[C, 4h, 4w]`` with two.
        height: h.
        doublings: of the resolution.

    Returns:
        ``[4 ** doublings, C, h * w]``, the coarser doubling outermost, rows before columns.
    """
    channels = level.shape[0]
    twos = [2] * doublings
    split = level.reshape(channels, height, *twos, -1, *twos)  # [C, h, 2.., w, 2..]
    rows = [2 + i for i in range(doublings)]
    columns = [3 + doublings + i for i in range(doublings)]
    pairs = [axis for pair in zip(rows, columns, strict=True) for axis in pair]
    return split.permute(*pairs, 0, 1, 2 + doublings).reshape(4**doublings, channels, -1)


def _as_image(pixels: Tensor, height: int) -> Tensor:
    """``[b, 16, h * w]`` sub-pixels, as :func:`_sub_pixels` orders them, to images ``[b, 4h, 4w]``."""
    split = pixels.view(len(pixels), 2, 2, 2, 2, height, -1)  # [b, row, column, row, column, h, w]
    return split.permute(0, 5, 1, 3, 6, 2, 4).reshape(len(pixels), 4 * height, -1)
