"""How far results may be apart (docs/trust.md, section 4): same bytes, another number of threads, half precision."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import ntt
from ntt.drawn.dataset import write_world

THREADS = 1e-5  # of the largest element of a vector
HALF = 1e-3  # what the cosine between the vectors of a reference may lack of 1


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("world") / "drawn"
    write_world(root, 1, 1, seed=4)
    return next((root / "val").glob("*.png"))


def vector(photo: Path, precision: str, threads: int) -> torch.Tensor:
    """Of one reference, by the demo's encoder."""
    mask = np.zeros(size_of(photo), np.uint8)
    mask[20:90, 20:90] = 1
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        model = ntt.load("demo", device="cpu", precision=precision).add(photo, "it", mask=mask)
        return model.references[0].vector.float()
    finally:
        torch.set_num_threads(before)


def size_of(photo: Path) -> tuple[int, int]:
    with Image.open(photo) as image:
        return image.height, image.width


def test_threads_and_precisions(photo: Path) -> None:
    one = vector(photo, "fp32", 1)
    assert torch.equal(one, vector(photo, "fp32", 1))
    scale = float(one.abs().max())
    assert float((one - vector(photo, "fp32", 2)).abs().max()) <= THREADS * scale
    cosine = torch.nn.functional.cosine_similarity(one, vector(photo, "bf16", 1), dim=0)
    assert 1 - float(cosine) <= HALF
