"""Typed sections of a config: converted once for equal options, and yet nobody's own object."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from ntt.composition.parts import typed
from ntt.errors import InputError


@dataclass
class Section:
    """Of a config."""

    depth: int = 1
    names: list[str] = field(default_factory=list)


def test_equal_options_make_equal_objects_that_share_nothing() -> None:
    one, other = [typed(Section, {"depth": "2", "names": ["a"]}, "section") for _ in range(2)]
    assert one == other == Section(2, ["a"])
    one.names.append("b")
    assert typed(Section, {"depth": "2", "names": ["a"]}, "section") == other


@pytest.mark.parametrize("_", range(2))
def test_a_wrong_option_is_refused_each_time(_: int) -> None:
    with pytest.raises(InputError, match=r"^section\.depth cannot be used"):
        typed(Section, {"depth": "deep"}, "section")
