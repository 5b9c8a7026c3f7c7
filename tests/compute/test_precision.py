"""Which arithmetic an option stands for, and that it holds inside the networks and nowhere else."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

import pytest
import torch
from torch import nn

from ntt.compute.precision import arithmetic, check_precision, resolve_precision
from ntt.config import PRECISIONS
from ntt.errors import InputError

CPU, GPU, MPS = torch.device("cpu"), torch.device("cuda:1"), torch.device("mps")


def settings() -> dict[str, Any]:
    return {
        "matmul": torch.get_float32_matmul_precision(),
        "convolutions in tf32": torch.backends.cudnn.allow_tf32,
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "warn only": torch.is_deterministic_algorithms_warn_only_enabled(),
        "benchmark": torch.backends.cudnn.benchmark,
        "autocast": torch.is_autocast_enabled("cpu") and torch.get_autocast_dtype("cpu"),
    }


@pytest.mark.parametrize(
    ("option", "device", "capability", "expected"),
    [
        ("auto", CPU, {"avx512_bf16": True}, "bf16"),
        ("auto", CPU, {"avx512_bf16": False, "amx_bf16": True}, "bf16"),
        ("auto", CPU, {"avx512_bf16": False, "avx2": True}, "fp32"),
        ("auto", CPU, {}, "fp32"),
        ("auto", MPS, None, "fp32"),
        ("auto", GPU, (7, 5), "fp32"),
        ("auto", GPU, (8, 0), "bf16"),
        ("auto", GPU, (9, 0), "bf16"),
        ("tf32", CPU, None, "fp32"),
        ("tf32", GPU, (7, 5), "fp32"),
        ("tf32", GPU, (8, 6), "tf32"),
        ("exact", GPU, (9, 0), "exact"),
        ("fp32", GPU, (9, 0), "fp32"),
        ("bf16", CPU, None, "bf16"),
        ("fp16", GPU, (7, 5), "fp16"),
    ],
)
def test_what_an_option_stands_for(
    monkeypatch: pytest.MonkeyPatch, option: str, device: torch.device, capability: Any, expected: str
) -> None:
    # None for a device whose capability must not be asked for: unpacking or comparing it would fail.
    monkeypatch.setattr(torch.cuda, "get_device_capability", {GPU: capability}.__getitem__)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capability)
    assert resolve_precision(option, device) == expected


@pytest.mark.parametrize("option", PRECISIONS)
def test_every_option_of_the_config_comes_to_an_arithmetic(option: str) -> None:
    check_precision(resolve_precision(option, CPU))


@pytest.mark.parametrize("precision", ["fp8", "auto"])
def test_another_precision_is_refused(precision: str) -> None:
    with pytest.raises(InputError, match=f"precision={precision} is unknown; choose one of exact, fp32, tf32, bf16"):
        check_precision(precision)


@pytest.mark.parametrize(
    ("precision", "changed"),
    [
        ("fp32", {}),
        ("tf32", {"matmul": "high", "convolutions in tf32": True}),
        ("exact", {"deterministic": True, "warn only": True}),
        ("bf16", {"autocast": torch.bfloat16}),
        ("fp16", {"autocast": torch.float16}),
    ],
)
def test_settings_hold_inside_only(monkeypatch: pytest.MonkeyPatch, precision: str, changed: dict[str, Any]) -> None:
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":16:8")
    # As others may have set them: all must come back, whatever happens inside.
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", True)
    torch.set_float32_matmul_precision("medium")
    before = settings()
    try:
        with suppress(KeyError), arithmetic(CPU, precision):
            inside = settings()
            raise KeyError
        assert settings() == before
    finally:
        torch.set_float32_matmul_precision("highest")
    strict = {"matmul": "highest", "convolutions in tf32": False, "deterministic": False, "warn only": False}
    assert inside == {**strict, "benchmark": precision != "exact", "autocast": False, **changed}


def test_exact_asks_cublas_to_be_deterministic(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    with arithmetic(CPU, "exact"):
        assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"


@pytest.mark.parametrize(
    ("precision", "dtype"), [("exact", torch.float32), ("fp32", torch.float32), ("bf16", torch.bfloat16)]
)
def test_a_network_answers_in_its_arithmetic(precision: str, dtype: torch.dtype) -> None:
    network = nn.Linear(4, 4)
    with torch.inference_mode(), arithmetic(CPU, precision):
        assert network(torch.zeros(1, 4)).dtype == dtype
    assert network.weight.dtype == torch.float32
