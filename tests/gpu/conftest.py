"""Where the tests of a GPU run: on one, or, with NTT_GPU_REHEARSAL=1, at tiny sizes on the CPU."""

from __future__ import annotations

import os

import pytest
import torch


@pytest.fixture(scope="session")
def rehearsal() -> bool:
    """Whether the CPU stands in for a GPU, with the demo's networks."""
    return os.environ.get("NTT_GPU_REHEARSAL") == "1"


@pytest.fixture(scope="session")
def device(rehearsal: bool) -> torch.device:
    """The device that is tested."""
    if not rehearsal and not torch.cuda.is_available():
        pytest.skip("torch sees no GPU; NTT_GPU_REHEARSAL=1 tries this test on the CPU")
    return torch.device("cpu" if rehearsal else "cuda")
