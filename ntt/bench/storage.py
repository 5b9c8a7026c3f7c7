"""``python -m ntt.bench.storage``: what an image's masks and vectors take on disk, by what they consist of.

Masks are made of annotated objects where a COCO json is given, else of made-up ones. As a grid of prompts does, many
prompts see one object: each mask is an object, or a part of it cut off by a line, with a border of its own that
wanders by about a pixel. What such networks would predict is smoother, so figures are rather too high.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageFilter
from rich.console import Console
from rich.table import Table
from safetensors.torch import save
from torch import Tensor

from ntt.bench.scenes import HEIGHT, WIDTH, disc_logits
from ntt.data.coco import read_coco
from ntt.data.geometry import annotation_mask
from ntt.masks.boxes import mask_boxes
from ntt.proposals.networks import DecodedMasks, NewProposals, postprocess_masks
from ntt.proposals.stored_form import digest_of, grids_to_tensors, masks_to_tensors, vectors_to_tensors

_SIDE = 256  # of the mask grid
_SMOOTHING = 2.0  # pixels of the grid over which a border is softened, so that noise moves it by about one


def object_logits(masks: Tensor, count: int, seed: int) -> Tensor:
    """float32 [count, 256, 256]: ``count`` views of objects, bool [K, h, w]; every third one is a part."""
    random = torch.Generator().manual_seed(seed)
    small = F.interpolate(masks[:, None].float(), (_SIDE, _SIDE), mode="bilinear", antialias=True)[:, 0]
    soft = torch.from_numpy(np.stack([_smoothed(each) for each in small.numpy()])) - 0.5
    chosen = torch.randint(len(masks), (count,), generator=random)
    noise = F.interpolate(torch.randn(count, 1, 24, 24, generator=random), (_SIDE, _SIDE), mode="bicubic")[:, 0]
    logits = soft[chosen] + 0.15 * noise * (soft[chosen].abs() < 0.45)  # at the border only
    y, x = torch.meshgrid(torch.linspace(-1, 1, _SIDE), torch.linspace(-1, 1, _SIDE), indexing="ij")
    angle, shift = 6.3 * torch.rand(count, 1, 1, generator=random), torch.rand(count, 1, 1, generator=random) - 0.5
    line = x * angle.cos() + y * angle.sin() - shift
    parts = torch.where(torch.arange(count)[:, None, None] % 3 == 0, line, torch.inf)
    return torch.minimum(logits, parts)


def _smoothed(mask: np.ndarray) -> np.ndarray:
    blurred = Image.fromarray((mask * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(_SMOOTHING))
    return np.asarray(blurred, dtype=np.float32) / 255


def stored(logits: Tensor, height: int, width: int, dim: int) -> NewProposals:
    """What is stored of an image with these masks and random vectors."""
    logits = logits[(logits > 0).flatten(1).any(1)]
    vectors = F.normalize(torch.randn(len(logits), dim), dim=1)
    inside = logits > 0
    every = torch.ones(2, dtype=torch.bool)
    decoded = DecodedMasks(logits, torch.rand(len(logits)), inside, mask_boxes(inside), vectors, finite=every)
    return postprocess_masks(decoded, height, width, torch.float16)


def sizes(made: NewProposals) -> dict[str, int]:
    """Bytes of each thing that is stored of an image."""
    digest = digest_of([made.grid_masks])
    masks = masks_to_tensors([made.masks], digest)
    pairs = sum(tensor.nbytes for name, tensor in masks.items() if name.startswith("overlap_"))
    files = (masks, grids_to_tensors([made.grid_masks]), vectors_to_tensors([made.vectors], digest))
    whole = [len(save(tensors)) for tensors in files]
    return {
        "masks": len(made.masks),
        "run lengths": masks["rle"].nbytes,
        "overlaps": pairs,
        "masks on the grid": whole[1],
        "vectors": whole[2],
        "all": sum(whole),
    }


def images(annotations: Path | None, count: int, masks: int) -> Iterator[tuple[Tensor, int, int]]:
    """(logits, height, width) of ``count`` images."""
    if annotations is None:
        for seed in range(count):
            objects = disc_logits(40 + seed, side=_SIDE) > 0
            yield object_logits(objects, masks, seed), HEIGHT, WIDTH
        return
    dataset = read_coco(annotations)
    for seed, record in enumerate(list(dataset.images.values())[:count]):
        own = [one for one in dataset.annotations if one.image_id == record.id and one.segmentation]
        if own:
            drawn = np.stack([annotation_mask(one, record.height, record.width) for one in own])
            yield object_logits(torch.from_numpy(drawn).bool(), masks, seed), record.height, record.width


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m ntt.bench.storage",
        description="Measure what an image's masks and vectors take on disk.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--annotations", type=Path, help="a COCO json, to make masks of its objects")
    parser.add_argument("--images", type=int, default=20, help="how many")
    parser.add_argument("--masks", type=int, default=1024, help="per image")
    parser.add_argument("--dim", type=int, default=1024, help="channels of a vector")
    given = parser.parse_args(arguments)
    found = [sizes(stored(*image, given.dim)) for image in images(given.annotations, given.images, given.masks)]
    table = Table(title=f"bytes an image, {len(found)} images, at most {given.masks} masks of {given.dim} channels")
    for column in ("", "mean", "most"):
        table.add_column(column, justify="right" if column else "left")
    for name in found[0]:
        values = [one[name] for one in found]
        table.add_row(name, f"{sum(values) / len(values):,.0f}", f"{max(values):,}")
    Console(width=None if sys.stdout.isatty() else 100).print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
