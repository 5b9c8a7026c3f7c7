"""Weights inside what training code wraps around them."""

from __future__ import annotations

import pytest
import torch

from ntt.errors import InputError
from ntt.networks.wrappers import unwrapped

STATE = {"norm.weight": torch.ones(2), "norm.bias": torch.zeros(2)}


def fronted(front: str) -> dict[str, torch.Tensor]:
    return {front + key: value for key, value in STATE.items()}


@pytest.mark.parametrize(
    "loaded",
    [
        STATE,
        {"model": STATE},
        {"state_dict": fronted("module.")},
        {"teacher": fronted("backbone."), "student": fronted("backbone."), "epoch": 3},
        {"model": {"state_dict": STATE}, "optimizer": {"lr": 1}},
        {"module": fronted("_orig_mod.module.")},
        {"backbone": STATE, "head": {"a": torch.ones(1)}},
        fronted("teacher.backbone."),
    ],
)
def test_wrappers_are_taken_off(loaded):
    assert list(unwrapped(loaded, "file")) == list(STATE)


def test_a_front_that_only_some_names_have_stays():
    mixed = {**fronted("backbone."), "head.weight": torch.ones(1)}
    assert list(unwrapped(mixed, "file")) == list(mixed)


@pytest.mark.parametrize(
    ("loaded", "found"),
    [
        (3, "one int"),
        ([torch.ones(1)], "one list"),
        ({}, "an empty dict"),
        ({"epoch": 3, "optimizer": {"lr": 1.0}}, "epoch (int), optimizer (dict)"),
        ({"model": {"epoch": 3}}, "epoch (int)"),
        ({f"k{n}": n for n in range(9)}, "k4 (int) and 4 more"),
    ],
)
def test_what_is_in_it_instead_is_named(loaded, found):
    with pytest.raises(InputError) as caught:
        unwrapped(loaded, "weights.pth (backbone.weights)")
    assert found in str(caught.value)
    assert str(caught.value).startswith("weights.pth (backbone.weights) holds no dict of tensors but ")
