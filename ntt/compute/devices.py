"""Where the networks run, and how they are laid out there."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import nn

from ntt.errors import InputError

Network = TypeVar("Network", bound=nn.Module)


def resolve_device(option: str) -> torch.device:
    """The device that ``option`` stands for.

    Args:
        option: "auto" (a GPU when there is one), or a device by torch's name: cpu, cuda, cuda:1, mps.

    Raises:
        InputError: this machine has no such device; names those it has.
    """
    here = _devices()
    if option == "auto":
        return torch.device(here[0])
    if option not in here:
        raise InputError(
            f"device={option} is not there: this machine has {', '.join(here)}{_why_no_gpu(option)}; "
            "choose one of these, or device=auto"
        )
    return torch.device(option)


def place(network: Network, device: torch.device, channels_last: bool = False, compile: bool = False) -> Network:
    """Move a network to ``device`` and prepare it for speed, in place.

    Args:
        network: frozen, in eval mode.
        device: where it will run.
        channels_last: whether its convolutions keep the channels of a pixel side by side.
        compile: whether ``torch.compile`` compiles it, at its first call.
    """
    network.to(device)
    if channels_last:
        # torch's annotations of Module.to know no call with a memory format alone.
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if compile:
        network.compile()
    return network


def _devices() -> list[str]:
    """Names of this machine's devices as options take them, the one to prefer first."""
    found = []
    if torch.cuda.is_available():
        found += ["cuda", *(f"cuda:{index}" for index in range(torch.cuda.device_count()))]
    if torch.backends.mps.is_available():
        found.append("mps")
    return [*found, "cpu"]


def _why_no_gpu(option: str) -> str:
    built_without = option.startswith("cuda") and not torch.backends.cuda.is_built()
    return " (its torch was installed without CUDA)" if built_without else ""
