"""Write the averaged weights of the latest checkpoints into the package: ``python -m experiments.demo_weights.export``.

Both files carry Meta's names, so that the loading code of the big networks reads them; the heads that only training
used stay behind.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from experiments.demo_weights import train_encoder, train_segmenter
from experiments.demo_weights.loop import averaged_parameters, exchanged
from ntt.backbones.dinov2_keys import sources

PACKAGE = Path(__file__).resolve().parents[2] / "ntt" / "demo_weights"


def meta_names(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """A ``Dinov2Model``'s tensors under Meta's names: the slices that the loader takes apart are joined again."""
    slices: dict[str, dict[int, Tensor]] = {}
    for name, source in sources(state, {"pos_embed"}).items():
        slices.setdefault(source.key, {})[source.part] = state[name]
    return {key: torch.cat([parts[part] for part in sorted(parts)]) for key, parts in slices.items()}


def export_encoder(folder: Path, target: Path) -> None:
    training, optimizer = train_encoder.build()
    with exchanged(optimizer.parameters, averaged_parameters(folder, "encoder")):
        save_half(meta_names(training.network.state_dict()), target / "dinov2_demo.safetensors")


def export_segmenter(folder: Path, target: Path) -> None:
    training, optimizer = train_segmenter.build()
    with exchanged(optimizer.parameters, averaged_parameters(folder, "segmenter")):
        save_half(training.network.state_dict(), target / "sam2_demo.safetensors")


def save_half(tensors: dict[str, Tensor], path: Path) -> None:
    """Write tensors in half precision."""
    save_file({key: value.detach().half().contiguous() for key, value in tensors.items()}, path)
    path.chmod(0o644)  # safetensors writes files that only their owner can read


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("outputs/demo_weights"))
    parser.add_argument("--target", type=Path, default=PACKAGE)
    arguments = parser.parse_args()
    arguments.target.mkdir(parents=True, exist_ok=True)
    export_encoder(arguments.folder, arguments.target)
    export_segmenter(arguments.folder, arguments.target)


if __name__ == "__main__":
    main()
