"""What counts as another source, and what does not."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from ntt.errors import InputError
from ntt.store.code import SourceDigests, normalised

SOURCE = """
'''What it does.'''
# A remark.
import math


class Box:
    '''A box.'''

    side: int
    '''In pixels.'''

    def area(self) -> float:
        '''Of the box.'''
        return math.pow(self.side, 2)  # not **
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# A remark.", "# Another remark, that is longer."),
        ("  # not **", ""),
        ("What it does.", "What it is."),
        ("A box.", "A rectangle."),
        ("In pixels.", "A whole number."),
        ("        '''Of the box.'''\n", ""),
        ("math.pow(self.side, 2)", "(math.pow(\n            self.side, 2\n        ))"),
    ],
)
def test_words_and_layout_do_not_count(old: str, new: str) -> None:
    assert old in SOURCE
    assert normalised(SOURCE.replace(old, new)) == normalised(SOURCE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("2)", "3)"),
        ("math.pow", "math.fmod"),
        ("side: int", "side: float"),
        ("2)", "2.0)"),
        ("self.side, 2", "2, 2"),
    ],
)
def test_everything_else_does(old: str, new: str) -> None:
    assert normalised(SOURCE.replace(old, new)) != normalised(SOURCE)


def package(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """birds.rule imports birds.helper, birds.other stands beside them."""
    birds = folder / "birds"
    birds.mkdir()
    (birds / "__init__.py").touch()
    (birds / "helper.py").write_text("FACTOR = 1\n")
    (birds / "other.py").write_text("FACTOR = 1\n")
    (birds / "rule.py").write_text("from .helper import FACTOR\n\n\nclass Rule:\n    factor = FACTOR\n")
    monkeypatch.syspath_prepend(folder)
    return birds


def fresh_digest(cache: Path) -> str:
    for name in [name for name in sys.modules if name.split(".")[0] == "birds"]:
        del sys.modules[name]
    importlib.invalidate_caches()
    importlib.import_module("ntt.store.code")._reached.cache_clear()
    sources = SourceDigests(cache)
    digest = sources.own(importlib.import_module("birds.rule").Rule)
    sources.save()
    return digest


def test_an_own_class_is_its_module_and_what_that_imports_of_its_package(tmp_path: Path, monkeypatch) -> None:
    birds, cache = package(tmp_path, monkeypatch), tmp_path / "sources.json"
    first = fresh_digest(cache)
    assert fresh_digest(cache) == first
    (birds / "other.py").write_text("FACTOR = 2\n")
    assert fresh_digest(cache) == first
    (birds / "helper.py").write_text("# The same.\nFACTOR = 1\n")
    assert fresh_digest(cache) == first
    (birds / "helper.py").write_text("FACTOR = 2\n")
    assert fresh_digest(cache) != first


def test_a_damaged_cache_costs_time_only(tmp_path: Path) -> None:
    cache = tmp_path / "sources.json"
    first = SourceDigests(cache)
    digest = first.of("ntt.matching")
    first.save()
    assert SourceDigests(cache).of("ntt.matching") == digest
    cache.write_text("[1")
    assert SourceDigests(cache).of("ntt.matching") == digest


def test_a_class_without_a_file_is_refused(tmp_path: Path) -> None:
    kind = type("Made", (), {"__module__": "nowhere.at.all"})
    with pytest.raises(InputError, match=r"nowhere.at.all.Made has no source file"):
        SourceDigests(tmp_path / "sources.json").own(kind)
