"""In which arithmetic the networks run."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch

from ntt.errors import InputError

_AUTOCAST_DTYPES = {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}


def check_precision(precision: str) -> None:
    """Raises InputError unless ``precision`` is one that a network can run in."""
    if precision not in _AUTOCAST_DTYPES:
        raise InputError(f"precision={precision} is unknown; choose one of {', '.join(_AUTOCAST_DTYPES)}")


def autocast(device: torch.device, precision: str) -> AbstractContextManager[Any]:
    """Inside it, networks of float32 weights on ``device`` compute in ``precision``."""
    dtype = _AUTOCAST_DTYPES[precision]
    return nullcontext() if dtype is None else torch.autocast(device.type, dtype=dtype)
