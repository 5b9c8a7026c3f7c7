"""The training loop both networks share: seeded, resumable, with an averaged copy and a recorded curve.

Every step's batch is a function of (seed, step), so a killed and resumed run sees what an unbroken one sees.
"""

from __future__ import annotations

import csv
import json
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from experiments.demo_weights.optimizer import MuonAdamW
from ntt.screen.progress import track

CLIP_NORM = 1.0
EVERY = 50  # steps between rows of the curve
SAVE_EVERY = 100  # steps between checkpoints


@dataclass(frozen=True)
class Schedule:
    """Warm up, stay, then fall linearly to zero over the last ``cooldown`` of the steps.

    The staying part has no end of its own: a run can be resumed with more or fewer ``steps``.
    """

    steps: int
    warmup: int = 100
    cooldown: float = 0.5

    def scale(self, step: int) -> float:
        left = (self.steps - step) / (self.cooldown * self.steps)
        return min(1.0, (step + 1) / self.warmup, max(left, 0.0))


def fit(
    loss_of_step: Callable[[int], dict[str, Tensor]],
    check: Callable[[], dict[str, float]],
    optimizer: MuonAdamW,
    schedule: Schedule,
    folder: Path,
    name: str,
    check_every: int = 500,
) -> dict[str, Tensor]:
    """Train until ``schedule.steps`` and return the averaged parameters by name.

    Args:
        loss_of_step: the losses of a step by name, already weighted; their sum is minimised.
        check: figures on scenes that are not trained on, called with the averaged parameters in place.
        folder: where the checkpoint and the curve are kept, and found again.
        name: file stem in ``folder``.
    """
    checkpoint, curve = folder / f"{name}.checkpoint.safetensors", folder / f"{name}.curve.csv"
    parameters = optimizer.parameters
    average = {key: value.detach().clone() for key, value in parameters.items()}
    start = _restore(checkpoint, parameters, average, optimizer) if checkpoint.exists() else 0
    sums: dict[str, float] = {}
    began = time.monotonic()
    for step in track(range(start, schedule.steps), f"training {name}", unit="steps"):
        losses = loss_of_step(step)
        optimizer.zero_grad()
        torch.stack(list(losses.values())).sum().backward()
        norm = nn.utils.clip_grad_norm_(list(parameters.values()), CLIP_NORM)
        if math.isfinite(norm):
            optimizer.step(step + 1, schedule.scale(step))
        with torch.no_grad():
            keep = min(0.998, 1 - 1 / (step / 4 + 2))
            for key, value in parameters.items():
                average[key].lerp_(value, 1 - keep)
        for key, loss in losses.items():
            sums[key] = sums.get(key, 0.0) + float(loss.detach()) / EVERY
        done = step + 1
        if done % EVERY == 0:
            row: dict[str, float] = {"step": done, "seconds": round(time.monotonic() - began, 1), **sums}
            sums = {}
            if done % check_every == 0 or done == schedule.steps:
                with exchanged(parameters, average):
                    row |= check()
            _append(curve, row)
        if done % SAVE_EVERY == 0 or done == schedule.steps:
            _save(checkpoint, parameters, average, optimizer, done)
    return average


@contextmanager
def exchanged(parameters: dict[str, nn.Parameter], values: dict[str, Tensor]) -> Iterator[None]:
    """Within the block the parameters hold ``values``."""
    kept = {key: parameter.detach().clone() for key, parameter in parameters.items()}
    with torch.no_grad():
        for key, parameter in parameters.items():
            parameter.copy_(values[key])
    try:
        yield
    finally:
        with torch.no_grad():
            for key, parameter in parameters.items():
                parameter.copy_(kept[key])


def averaged_parameters(folder: Path, name: str) -> dict[str, Tensor]:
    """The averaged parameters of the latest checkpoint."""
    tensors = load_file(folder / f"{name}.checkpoint.safetensors")
    return {key.removeprefix("average."): value for key, value in tensors.items() if key.startswith("average.")}


def _save(
    path: Path,
    parameters: dict[str, nn.Parameter],
    average: dict[str, Tensor],
    optimizer: MuonAdamW,
    step: int,
) -> None:
    tensors = {f"now.{key}": value.detach().contiguous() for key, value in parameters.items()}
    tensors |= {f"average.{key}": value.contiguous() for key, value in average.items()}
    tensors |= {f"state.{key}": value.contiguous() for key, value in optimizer.state.items()}
    tensors["step"] = torch.tensor(step)
    part = path.with_suffix(".part")
    save_file(tensors, part)
    part.replace(path)


def _restore(path: Path, parameters: dict[str, nn.Parameter], average: dict[str, Tensor], optimizer: MuonAdamW) -> int:
    tensors = load_file(path)
    with torch.no_grad():
        for key, parameter in parameters.items():
            parameter.copy_(tensors[f"now.{key}"])
            average[key].copy_(tensors[f"average.{key}"])
        for key, value in optimizer.state.items():
            value.copy_(tensors[f"state.{key}"])
    return int(tensors["step"])


def _append(path: Path, row: dict[str, float]) -> None:
    """One row of the curve: step, seconds since the (re)start, and figures by name as JSON."""
    with path.open("a", newline="") as file:
        figures = {key: round(value, 5) for key, value in row.items() if key not in ("step", "seconds")}
        csv.writer(file).writerow([row["step"], row["seconds"], json.dumps(figures)])
