from __future__ import annotations

from pathlib import Path

import pytest

from ntt.ablation.settings import listed
from ntt.commands import ablate
from ntt.errors import InputError
from ntt.run import conf_folder


def test_the_baseline_the_settings_and_all_combinations_of_a_grid_each_once() -> None:
    found = listed(["scoring=quality +refine=clean", "matcher=hard"], ["matcher=-,hard", "scoring=-,topk"])

    assert [(one.name, one.options) for one in found] == [
        ("baseline", ()),
        ("scoring=quality +refine=clean", ("scoring=quality", "+refine=clean")),
        ("matcher=hard", ("matcher=hard",)),
        ("scoring=topk", ("scoring=topk",)),
        ("matcher=hard scoring=topk", ("matcher=hard", "scoring=topk")),
    ]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["+experiment=demo"], "nothing to compare"),
        (["+experiment=demo", "--setting", "backbone=dinov2_vits14"], "cannot be a setting"),
        (["+experiment=demo", "--grid", "matcher"], "is no axis"),
        (["+experiment=demo", "--setting", "memory.context=0.5"], "changes memory.context"),
        (["+experiment=lvis", "dataset.root=/nowhere", "--setting", "matcher=hard"], "COCO's AP only"),
    ],
)
def test_what_would_not_be_measured_right_is_refused_before_anything_is_computed(
    arguments: list[str], sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=sentence):
        ablate.run([*arguments, "--out", str(tmp_path / "out")], conf_folder())

    assert not (tmp_path / "out").exists()
