"""The reviewers' questions on a miniature of COCO: one document, a control that is equal, what is missing said."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from miniatures import write_coco
from omegaconf import OmegaConf
from PIL import Image
from readme_sweeps import DEMO

from experiments.reviewers.__main__ import HERE, _composed, main
from experiments.reviewers.degrading import covered
from ntt.config import read_config
from ntt.data.splits import COCO_NOVEL
from ntt.run import conf_folder

QUESTIONS = """
baseline: [+experiment=coco_1shot]
questions:
  - title: Steps
    asks: Which?
    variants:
      - {name: no merging, options: [matcher=none]}
      - {name: a checkpoint that is not here, options: [backbone=dinov2_vits14]}
  - title: Bad pictures
    asks: What if?
    variants:
      - {name: control, occlude: 0.0}
      - {name: half, occlude: 0.5, blur: 0.05}
"""


def test_one_document_answers_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_coco(tmp_path / "coco", COCO_NOVEL, train=15, val=2)
    (tmp_path / "few.yaml").write_text(QUESTIONS)
    monkeypatch.chdir(tmp_path)
    options = ["dataset.root=coco", "weights_dir=absent", *DEMO]
    assert main([*options, "--questions", "few.yaml", "--out", "out"]) == 0
    page = (tmp_path / "out" / "reviewers.md").read_text()
    baseline = json.loads((tmp_path / "out" / "baseline" / "metrics.json").read_text())
    assert f"| baseline |  | {100 * baseline['bbox']['AP']:.1f} |" in page
    assert "| no merging | `matcher=none` | " in page
    assert "- a checkpoint that is not here was not run: The checkpoint absent/dinov2_vits14_pretrain.pth" in page
    # The same objects through pictures of their own give the very same figures; covered ones are other pictures.
    assert json.loads((tmp_path / "out" / "2_1" / "metrics.json").read_text()) == baseline
    same, half = (tmp_path / "out" / name / "references" for name in ("2_1", "2_2"))
    assert len(list(same.glob("*.png"))) == len(COCO_NOVEL)
    described = [json.loads((folder / "references.json").read_text())["annotations"] for folder in (same, half)]
    areas = [sum(one["area"] for one in annotations) for annotations in described]
    assert 0.25 * areas[0] < areas[1] < 0.75 * areas[0]
    assert "| half | `occlude 0.5, blur 0.05` | " in page


@pytest.mark.parametrize(("side", "hidden"), [("left", [0, 1]), ("right", [2, 3]), ("top", []), ("bottom", [])])
def test_a_share_of_the_box_is_covered_from_a_side(side: str, hidden: list[int]) -> None:
    pixels, mask = np.zeros((6, 6, 3), dtype=np.uint8), np.zeros((6, 6), dtype=np.uint8)
    mask[1:5, 1:5] = 1
    worse, visible = covered(pixels, mask, (1, 1, 4, 4), 0.5, side)
    assert visible.sum() == 8
    assert np.array_equal(worse[..., 0] == 128, mask.astype(bool) & ~visible.astype(bool))
    if hidden:
        assert not visible[:, 1:5][:, hidden].any()
    assert not pixels.any()
    assert Image.fromarray(worse).size == (6, 6)


@pytest.mark.parametrize("name", ["questions.yaml", "demo.yaml"])
def test_every_option_of_the_lists_is_one_that_runs_take(name: str) -> None:
    asked = OmegaConf.load(HERE / name)
    assert len(asked.questions) == 5
    variants = [variant for question in asked.questions for variant in question.variants]
    assert all(set(variant) <= {"name", "options", "occlude", "blur"} for variant in variants)
    given = {option for variant in variants for option in variant.get("options", [])}
    chosen = {option for option in given if (conf_folder() / option.partition("=")[0]).is_dir()}
    assert [one for one in chosen if not (conf_folder() / f"{one.replace('=', '/')}.yaml").is_file()] == []
    read_config(_composed([*asked.baseline, *sorted(given - chosen)]))
