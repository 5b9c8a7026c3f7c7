"""In which arithmetic the networks run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch

from ntt.errors import InputError

_AUTOCAST_DTYPES = {"exact": None, "fp32": None, "tf32": None, "bf16": torch.bfloat16, "fp16": torch.float16}
# Ampere, the first generation of NVIDIA GPUs that computes in bfloat16 and TensorFloat-32.
_AMPERE = (8, 0)
_BF16_INSTRUCTIONS = ("avx512_bf16", "amx_bf16")


def resolve_precision(option: str, device: torch.device) -> str:
    """The arithmetic that ``option`` stands for on ``device``.

    Args:
        option: "auto" is bf16 on GPUs and CPUs that multiply in it and fp32 elsewhere; "tf32" is fp32 where there is
            no TF32.
        device: where the networks run.

    Returns:
        "exact", "fp32", "tf32", "bf16" or "fp16".
    """
    modern = device.type == "cuda" and torch.cuda.get_device_capability(device) >= _AMPERE
    if option == "auto":
        return "bf16" if modern or (device.type == "cpu" and cpu_multiplies_bf16()) else "fp32"
    if option == "tf32" and not modern:
        return "fp32"
    return option


def cpu_multiplies_bf16() -> bool:
    """Whether this CPU has instructions for products of bfloat16; without them, bf16 is slower than fp32."""
    capabilities = torch.cpu.get_capabilities()
    return any(bool(capabilities.get(name)) for name in _BF16_INSTRUCTIONS)


def check_precision(precision: str) -> None:
    """Raises InputError unless ``precision`` is one that a network can run in."""
    if precision not in _AUTOCAST_DTYPES:
        raise InputError(f"precision={precision} is unknown; choose one of {', '.join(_AUTOCAST_DTYPES)}")


@contextmanager
def arithmetic(device: torch.device, precision: str) -> Iterator[None]:
    """Inside it, networks of float32 weights on ``device`` compute in ``precision``.

    - exact: as fp32, by deterministic algorithms wherever torch has one.
    - fp32: float32 throughout. cuDNN's convolutions, which torch lets use TF32, do not.
    - tf32: float32 whose products are rounded to 10 bits of mantissa.
    - bf16, fp16: autocast; what needs float32 stays in it.

    What it sets is global in torch and restored on the way out: other code and the next run of a sweep keep theirs.
    """
    rounded = precision == "tf32"
    dtype = _AUTOCAST_DTYPES[precision]
    matmul, convolutions = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    with ExitStack() as stack:
        stack.callback(torch.set_float32_matmul_precision, matmul)
        stack.callback(setattr, torch.backends.cudnn, "allow_tf32", convolutions)
        torch.set_float32_matmul_precision("high" if rounded else "highest")
        torch.backends.cudnn.allow_tf32 = rounded
        if precision == "exact":
            stack.enter_context(_deterministic())
        if dtype is not None:
            stack.enter_context(torch.autocast(device.type, dtype=dtype))
        yield


@contextmanager
def _deterministic() -> Iterator[None]:
    # cuBLAS reads it when it is first used, and is not deterministic without.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    enabled = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    benchmark = torch.backends.cudnn.benchmark
    # A warning names the operation that has no such algorithm; an error would end the run for it.
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.backends.cudnn.benchmark = False
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(enabled, warn_only=warn_only)
        torch.backends.cudnn.benchmark = benchmark
