"""What is quoted is read again as it was, by the shell, Hydra and OmegaConf."""

from __future__ import annotations

import shlex

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from ntt.composition.quoting import as_text, quoted


def read(override: str) -> object:
    parsed = OverridesParser.create().parse_override(override)
    return OmegaConf.create({"key": parsed.value()}).key


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).filter(lambda text: "\\${" not in text))
def test_any_text_comes_back(text):
    assert read(f"key={as_text(text)}") == text


@pytest.mark.parametrize(
    "name", ["é", "图像", "run=3", "a(1)", "[x]", "it's", "#1", 'q"q', "{b}", "a,b", "x;y&z", "b\\"]
)
def test_the_advice_can_be_pasted_into_a_shell(name):
    advice = quoted(f"dataset.root=/data/{name}")
    assert advice is not None
    (pasted,) = shlex.split(advice)
    assert pasted.startswith("dataset.root=")
    assert read(pasted.replace("dataset.root", "key")) == f"/data/{name}"


def test_a_list_stays_a_list():
    advice = quoted("split=[Tässe, fish]")
    assert advice is not None
    assert read(shlex.split(advice)[0].replace("split", "key")) == ["Tässe", "fish"]


def test_what_is_no_assignment_is_no_matter_of_quotes():
    assert quoted("coco_30shot") is None
