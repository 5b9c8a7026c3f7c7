"""Every released variant of SAM 2 and 2.1 takes exactly the keys of its checkpoint."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ntt.composition.choices import read_choice
from ntt.segmenters.sam2 import Sam2
from ntt.segmenters.sam2_network import build_network

CONFIGS = Path(__file__).resolve().parents[2] / "conf" / "segmenter"
# Parameters as Meta publishes them for its checkpoints, in millions.
PUBLISHED_SIZES = {"tiny": 38.9, "small": 46.0, "base_plus": 80.8, "large": 224.4}


@pytest.mark.parametrize("release", ["sam2", "sam2_1"])
@pytest.mark.parametrize("size", list(PUBLISHED_SIZES))
def test_every_released_variant_consumes_every_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, release: str, size: str
) -> None:
    # Random values that are replaced at once are most of the time it takes to build a network.
    for initialiser in ("kaiming_uniform_", "uniform_", "trunc_normal_"):
        monkeypatch.setattr(torch.nn.init, initialiser, lambda tensor, *_, **__: tensor)
    config = read_choice(CONFIGS / f"{release}_hiera_{size}.yaml")
    file_name = config.url.rpartition("/")[2]
    shapes = {k: t.shape for k, t in build_network(config.architecture, {}, config.image_size).state_dict().items()}
    # One stored number per tensor, seen at its full shape: the real names and shapes in a small file.
    torch.save({"model": {k: torch.tensor(0.25).expand(shape) for k, shape in shapes.items()}}, tmp_path / file_name)
    config.weights_dir = str(tmp_path)
    options = {str(k): v for k, v in config.items() if k not in ("_target_", "weights_dir")}

    sam = Sam2(**options)

    assert all(bool((tensor == 0.25).all()) for tensor in sam.network.state_dict().values())
    parameters = sum(parameter.numel() for parameter in sam.network.parameters())
    assert parameters / 1e6 == pytest.approx(PUBLISHED_SIZES[size], abs=0.1)
    assert ("no_obj_embed_spatial" in shapes) == (release == "sam2_1")
