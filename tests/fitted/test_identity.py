"""A fitted model and a run with another encoder, crop or draw: one sentence each."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import ntt
from ntt.config import RunConfig
from ntt.errors import InputError
from ntt.fitted.files import Header
from ntt.fitted.identity import encoder_identity, refuse_another_encoder, refuse_settings
from ntt.model.load import compose_model

FILE = Path("birds.ntt")
OPTIONS = ["backbone=dinov2_demo", "segmenter=sam2_demo"]


@pytest.fixture(scope="module")
def config() -> RunConfig:
    return compose_model(OPTIONS)


def header(config: RunConfig, weights: str = "abc", **changed: Any) -> Header:
    identity = encoder_identity(config.backbone, weights, "fp32")
    return Header(
        {1: "cup"}, ["cup"], ["a.png"], {"options": OPTIONS, "backbone": {**identity, **changed}, "context": 0.2}
    )


def test_the_same_encoder_is_taken_and_what_nobody_knows_is_not_compared(config: RunConfig) -> None:
    present = encoder_identity(config.backbone, "abc", "bf16")
    refuse_another_encoder(FILE, header(config), present, 0.2)
    refuse_another_encoder(FILE, header(config), {**present, "weights": None}, 0.2)
    older = Header({1: "cup"}, ["cup"], ["a.png"], {"options": OPTIONS, "backbone": {"name": "x", "weights": "abc"}})
    refuse_another_encoder(FILE, older, present, 0.3)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"weights": "other"}, r"dinov2_demo \(weights other\), and this run has another of the same name \(abc\)"),
        (
            {"class": "dinov3", "name": "dinov3_vits16"},
            r"dinov3_vits16 \(kind dinov3\), and this run has another dinov2",
        ),
        ({"image_size": 7}, r"\(image size 7\).*run it with backbone=dinov2_demo, segmenter=sam2_demo, or give"),
    ],
)
def test_another_encoder_is_refused_with_the_options_that_fit(
    config: RunConfig, changed: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence):
        refuse_another_encoder(FILE, header(config, **changed), encoder_identity(config.backbone, "abc", "fp32"), 0.2)


def test_settings_of_labels_and_another_crop_are_refused(config: RunConfig) -> None:
    with pytest.raises(InputError, match=r"memory.context=0.2, which cannot be changed afterwards to 0.5"):
        refuse_another_encoder(FILE, header(config), encoder_identity(config.backbone, "abc", "fp32"), 0.5)
    labels = {"reference_ids": "all", "repeat_first": False, "reference_images": None}
    refuse_settings(FILE, SimpleNamespace(**labels))
    for key, value in (("reference_ids", [3]), ("repeat_first", True), ("reference_images", "photos")):
        with pytest.raises(InputError, match=f"dataset.{key}=.* needs labels, and birds.ntt is a fitted model"):
            refuse_settings(FILE, SimpleNamespace(**{**labels, key: value}))


def test_the_library_refuses_another_encoder_too(tmp_path: Path) -> None:
    import numpy as np

    model = ntt.load("demo", device="cpu")
    model.add(np.zeros((64, 64, 3), np.uint8), "cup", mask=np.ones((64, 64)))
    model.save(tmp_path / "cups.ntt")
    with pytest.raises(InputError, match=r"image size 518.*image size|another of the same name"):
        ntt.load(tmp_path / "cups.ntt", device="cpu", options=["backbone.image_size=28"])
    with pytest.raises(InputError, match=r"cups.ntt is a fitted model: ntt.load"):
        model.fit(tmp_path / "cups.ntt")
    again = ntt.load(tmp_path / "cups.ntt", device="cpu")
    again.add(np.zeros((64, 64, 3), np.uint8), "bell", mask=np.ones((64, 64)))
    assert again.bank.category_ids == (1, 2)
