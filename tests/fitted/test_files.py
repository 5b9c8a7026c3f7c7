"""The file of a fitted model."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ntt.errors import InputError
from ntt.fitted.files import Reference, is_model, read_header, read_model, write_model

NETWORKS = {"options": ["backbone=dinov2_demo"], "backbone": {"name": "dinov2_demo", "weights": "abc"}}

CATEGORIES = {7: "cup", 3: "bell"}


def references(count: int = 3, width: int = 5) -> list[Reference]:
    generator = torch.Generator().manual_seed(0)
    return [
        Reference(("cup", "bell")[i % 2], torch.randn(width, generator=generator), b"jpeg" * i, f"picture {i}.png")
        for i in range(count)
    ]


def test_what_was_saved_comes_back(tmp_path: Path) -> None:
    path, given_ones = tmp_path / "birds.ntt", references()
    write_model(path, CATEGORIES, given_ones, NETWORKS)

    saved = read_model(path)

    assert is_model(path)
    assert (saved.header.categories, saved.header.networks) == (CATEGORIES, NETWORKS)
    assert read_header(path) == saved.header
    for one, other in zip(saved.references, given_ones, strict=True):
        assert (one.name, one.thumbnail, one.source) == (other.name, other.thumbnail, other.source)
        assert torch.equal(one.vector, other.vector)


def test_equal_models_are_equal_bytes(tmp_path: Path) -> None:
    for name in ("one.ntt", "other.ntt"):
        write_model(tmp_path / name, CATEGORIES, references(), NETWORKS)

    assert (tmp_path / "one.ntt").read_bytes() == (tmp_path / "other.ntt").read_bytes()


def test_a_hundred_classes_of_thirty_shots_take_less_than_20_mb(tmp_path: Path) -> None:
    thumbnail = bytes(2500)
    many = [Reference(f"class {i // 30}", torch.randn(1024), thumbnail, f"images/{i:012d}.jpg") for i in range(3000)]
    write_model(tmp_path / "large.ntt", {i: f"class {i}" for i in range(100)}, many, NETWORKS)

    assert (tmp_path / "large.ntt").stat().st_size < 20_000_000


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_whatever_is_changed_in_the_file_is_one_clear_error_or_harmless(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("model") / "birds.ntt"
    write_model(path, CATEGORIES, references(), NETWORKS)
    raw = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(raw[: data.draw(st.integers(0, len(raw)))] if data.draw(st.booleans()) else raw)

    message = ""
    try:
        read_model(path)
    except InputError as error:
        message = str(error)
    assert not message or str(path) in message


def test_a_missing_file_and_another_kind_of_file_are_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"birds.ntt does not exist"):
        read_model(tmp_path / "birds.ntt")
    (tmp_path / "text.ntt").write_text("no model")
    with pytest.raises(InputError, match=r"text.ntt is no fitted model of ntt"):
        read_model(tmp_path / "text.ntt")
