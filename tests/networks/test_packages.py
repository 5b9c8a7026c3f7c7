"""Packages that are missing or broken, each in a sentence with its cure."""

from __future__ import annotations

import importlib.util
import sys

import pytest

from ntt.errors import InputError
from ntt.networks.packages import check_packages


def test_what_is_installed_here_will_do():
    check_packages()


def test_a_missing_sam2_is_named_with_the_line_that_brings_it(monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "sam2" else found(name))
    with pytest.raises(InputError, match=r"sam2 is not installed: .*pip install --no-deps .*sam2==1\.1\.0"):
        check_packages()


def test_a_torchvision_of_another_torch_is_named_with_its_cure(monkeypatch, tmp_path):
    (tmp_path / "torchvision").mkdir()
    (tmp_path / "torchvision" / "__init__.py").write_text(
        "raise RuntimeError('operator torchvision::nms does not exist')"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "torchvision", raising=False)
    with pytest.raises(InputError, match=r"nms does not exist.*pip uninstall torchvision"):
        check_packages()
