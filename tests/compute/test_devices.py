"""Devices by name, what is said of one that is not there, and networks laid out on one."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from ntt.compute.devices import place, resolve_device
from ntt.errors import InputError


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.backends.cuda, "is_built", lambda: True)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


@pytest.fixture
def only_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.cuda, "is_built", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


@pytest.mark.usefixtures("two_gpus")
@pytest.mark.parametrize(
    ("option", "expected"), [("auto", "cuda"), ("cuda", "cuda"), ("cuda:1", "cuda:1"), ("cpu", "cpu")]
)
def test_devices_of_a_machine_with_two_gpus(option: str, expected: str) -> None:
    assert resolve_device(option) == torch.device(expected)


@pytest.mark.usefixtures("two_gpus")
def test_a_gpu_too_many_is_named_with_those_that_exist() -> None:
    with pytest.raises(InputError, match="device=cuda:7 is not there: this machine has cuda, cuda:0, cuda:1, cpu;"):
        resolve_device("cuda:7")


@pytest.mark.usefixtures("only_cpu")
def test_a_machine_without_gpus() -> None:
    assert resolve_device("auto") == torch.device("cpu")
    with pytest.raises(InputError, match=r"device=cuda is not there: .* has cpu \(its torch .* without CUDA\);"):
        resolve_device("cuda")
    with pytest.raises(InputError, match="device=mps is not there: this machine has cpu;"):
        resolve_device("mps")


def test_apples_gpu_is_preferred_to_the_cpu(monkeypatch: pytest.MonkeyPatch, only_cpu: None) -> None:  # noqa: ARG001
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert resolve_device("auto") == torch.device("mps")


def test_channels_last_changes_the_layout_and_not_the_answer() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 4, 1)).eval().requires_grad_(False)
    image = torch.rand(1, 3, 16, 16)
    expected = network(image)
    place(network, torch.device("cpu"), channels_last=True)
    assert network[0].weight.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(network(image), expected)


@pytest.mark.parametrize("compile", [False, True])
def test_compiling_is_asked_of_torch(monkeypatch: pytest.MonkeyPatch, compile: bool) -> None:
    asked: list[nn.Module] = []
    monkeypatch.setattr(nn.Module, "compile", lambda network: asked.append(network))
    network = nn.Linear(2, 2)
    assert place(network, torch.device("cpu"), compile=compile) is network
    assert asked == [network] * compile
