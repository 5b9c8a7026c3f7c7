"""The files of conf/matcher: each names a rule with the rule's own options, and no others."""

from __future__ import annotations

import pytest
from hydra import compose, initialize_config_dir

from ntt.composition.choices import read_choice
from ntt.config import read_config
from ntt.errors import InputError
from ntt.matching.rules import RULES, Diffusion, Hard
from ntt.matching.settings import MatchSettings
from ntt.run import conf_folder


def settings(*overrides: str) -> MatchSettings:
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        return read_config(compose("config", list(overrides))).matcher


@pytest.mark.parametrize("name", RULES)
def test_every_rule_has_a_file_with_its_default_values_and_no_others(name: str) -> None:
    assert settings(f"matcher={name}") == MatchSettings(rule=RULES[name]())
    own = set(RULES[name].__dataclass_fields__)  # type: ignore[attr-defined]
    written = set(read_choice(conf_folder() / "matcher" / f"{name}.yaml"))
    assert written == own | {"_target_", "nms_iou", "max_proposals", "max_detections"}


def test_a_rule_owns_its_options() -> None:
    assert settings("matcher=diffusion", "matcher.alpha=0.5").rule == Diffusion(alpha=0.5)
    assert settings("matcher=hard", "matcher.coverage=0.9", "matcher.nms_iou=1").rule == Hard(coverage=0.9)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["matcher.nms_iou=1.5"], r"matcher.nms_iou=1.5 is not possible: give a number from 0 to 1"),
        (["matcher.nms_iou=nan"], r"matcher.nms_iou=nan"),
        (["matcher.max_proposals=0"], r"matcher.max_proposals=0"),
        (["matcher.max_detections=-1"], r"matcher.max_detections=-1"),
        (["matcher=hard", "matcher.coverage=0"], r"matcher.coverage=0"),
        (["matcher=diffusion", "matcher.alpha=-0.1"], r"matcher.alpha=-0.1"),
        (["matcher=diffusion", "matcher.steps=0"], r"matcher.steps=0"),
        (["matcher=diffusion", "matcher.tolerance=-1e-6"], r"matcher.tolerance=-1e-06"),
        (["matcher=diffusion", "matcher.alpha=much"], r"matcher.alpha cannot be used"),
        (["+matcher.alpha=0.3"], r"Unknown option matcher.alpha\."),
        (
            ["matcher._target_=ntt.matching.rules.Softer"],
            "rules.Softer cannot be imported",
        ),
        (["matcher._target_=birds.rules.Mine"], r"birds, which this run does not trust: add trusted=.birds."),
    ],
)
def test_values_out_of_range_are_named(overrides: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        settings(*overrides)
