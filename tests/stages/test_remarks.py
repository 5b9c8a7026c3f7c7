"""What is said at the start: the demo's networks on photographs, and options that have no effect."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from ntt.data.coco import ImageRecord
from ntt.stages.remarks import remarks


def said(
    backbone: str = "dinov2_vitl14",
    size: int = 500,
    ids: Any = "all",
    overrides: tuple[str, ...] = (),
    chosen_by: tuple[str, ...] = (),
) -> str:
    config: Any = SimpleNamespace(
        backbone=SimpleNamespace(name=backbone),
        segmenter=SimpleNamespace(name="sam2_hiera_large"),
        dataset=SimpleNamespace(reference_ids=ids, chosen_by=chosen_by),
    )
    inputs: Any = SimpleNamespace(target_records=[ImageRecord(1, "a.png", size, size)])
    return " ".join(remarks(config, inputs, overrides))


def test_the_demos_networks_are_for_drawn_scenes() -> None:
    assert "dinov2_demo are for drawn scenes" in said("dinov2_demo")
    assert said("dinov2_demo", size=320) == said() == ""


def test_options_without_effect_are_said() -> None:
    assert "shots has no effect" in said(overrides=("shots=3", "device=cpu"))
    assert "shots, seed have no effect" in said(overrides=("seed=3", "++shots=1"))
    assert said(ids=None, overrides=("shots=3",)) == ""


def test_what_chooses_the_fixed_file_has_an_effect() -> None:
    assert said(overrides=("shots=3",), chosen_by=("shots",)) == ""
    assert "seed has no effect" in said(overrides=("shots=3", "seed=1"), chosen_by=("shots",))
