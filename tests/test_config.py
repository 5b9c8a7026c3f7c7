"""Every config composes and validates; every mistake is one sentence that names its key."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from ntt.commands.composition_errors import explain
from ntt.config import read_config
from ntt.errors import InputError
from ntt.run import conf_folder

CONF = conf_folder()
GROUPS = ("dataset", "backbone", "segmenter", "proposals", "memory", "matcher", "scoring", "evaluation", "tracking")
OPTIONS = [f"{group}={file.stem}" for group in GROUPS for file in sorted((CONF / group).glob("*.yaml"))]
EXPERIMENTS = sorted(file.stem for file in (CONF / "experiment").glob("*.yaml"))
PATHS = ["dataset.references=r.json", "dataset.targets=t.json"]


def composed(*overrides: str):
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("config", overrides=list(overrides))


def complaint(*overrides: str) -> str:
    try:
        read_config(composed(*overrides))
    except InputError as error:
        return str(error)
    except (HydraException, OmegaConfBaseException) as error:
        return str(explain(error, CONF))
    raise AssertionError(f"{overrides} was accepted")


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_composes_and_validates(option):
    read_config(composed(option, *PATHS))


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_experiment_composes_and_validates(experiment):
    run = read_config(composed(f"+experiment={experiment}", *(PATHS if experiment == "custom" else [])))
    assert run.name == experiment


@pytest.mark.parametrize("shots", [1, 2, 3, 5, 10, 30])
def test_the_published_rows(shots):
    run = read_config(composed(f"+experiment=coco_{shots}shot"))
    assert (run.shots, run.seed, run.split) == (shots, 33, "novel")
    assert run.backbone.name == "dinov2_vitl14"
    assert run.segmenter.name == "sam2_hiera_large"
    assert (run.precision, run.store.vectors, run.segmenter.no_mem_embed) == ("fp32", "float32", False)


def test_what_is_not_of_the_published_tables_adds_what_sam2_was_trained_with():
    runs = [read_config(composed(*options)) for options in ([], ["+experiment=demo"], ["+experiment=custom", *PATHS])]
    assert [(run.precision, run.segmenter.no_mem_embed) for run in runs] == [
        ("auto", True),
        ("fp32", True),
        ("auto", True),
    ]


@pytest.mark.parametrize("experiment", ["demo", "coco_1shot"])
@pytest.mark.parametrize("value", ["true", "false"])
def test_no_mem_embed_and_the_override_of_sam2s_name_are_one(experiment, value):
    override = f"segmenter.overrides.directly_add_no_mem_embed={value}"
    ways = [[override], [f"+{override}"], [f"++{override}"], [f"segmenter.no_mem_embed={value}"]]
    ways.append([override, f"segmenter.no_mem_embed={value}"])
    runs = [read_config(composed(f"+experiment={experiment}", *way)) for way in ways]
    assert runs[0].segmenter.no_mem_embed is (value == "true")
    assert all(run == runs[0] for run in runs)

    other = "false" if value == "true" else "true"
    message = complaint(f"+experiment={experiment}", override, f"segmenter.no_mem_embed={other}")
    assert f"segmenter.no_mem_embed={other}" in message
    assert f"segmenter.overrides.directly_add_no_mem_embed={value}" in message


def unexplained(file: Path) -> set[str]:
    """Keys of a config that stand under no comment: neither their own nor that of the lines they follow directly."""
    told: dict[int, bool] = {}  # by indentation: whether the lines that a next key follows began with a comment
    comment, found = False, set()
    text = file.read_text().split("\nhydra:")[0]  # Hydra's own keys, which its documentation explains
    for line in text.splitlines():
        key = re.match(r"( *)(\w+):", line)
        if line.lstrip().startswith("#"):
            comment = True
        elif not line.strip():
            comment, told = False, {}
        elif key:
            depth = len(key[1])
            told = {level: known for level, known in told.items() if level <= depth}
            told[depth] = comment or any(told.values())
            if not told[depth]:
                found.add(key[2])
            comment = False
    bases = re.findall(r"^  - (\w+)$", file.read_text(), re.MULTILINE)
    inherited = [
        file.with_name(f"{base}.yaml").read_text() for base in bases if file.with_name(f"{base}.yaml").exists()
    ]
    return {key for key in found if not any(re.search(rf"^ *{key}:", text, re.MULTILINE) for text in inherited)}


@pytest.mark.parametrize("file", [CONF / "config.yaml", *sorted(f for g in GROUPS for f in (CONF / g).glob("*.yaml"))])
def test_every_value_of_every_option_stands_under_a_comment(file):
    assert not unexplained(file) - {"_target_", "defaults", "store", "report"}


def test_a_value_without_a_comment_is_found(tmp_path):
    (tmp_path / "base.yaml").write_text("# All of it.\nkept: 1\n")
    lines = ["defaults:", "  - base", "  - _self_", "", "kept: 2", "# Told.", "told: 3", "below: 4", "", "alone: 5", ""]
    lines += ["group:", "  # Told.", "  inner: 6", "", "  bare: 7"]
    (tmp_path / "a.yaml").write_text("\n".join(lines))
    assert unexplained(tmp_path / "a.yaml") == {"defaults", "alone", "group", "bare"}


@pytest.mark.parametrize(
    ("override", "parts"),
    [
        ("shotz=3", ["shotz", "shots"]),
        ("dataset.rot=x", ["dataset.rot", "dataset.root"]),
        ("root=x", ["root", "dataset.root"]),
        ("matcher=sofd", ["sofd", "soft", "matcher"]),
        ("experiment=coco_30shot", ["experiment", "+experiment="]),
        ("+experiment=coco_31shot", ["coco_31shot", "coco_30shot"]),
        ("+shotz=3", ["shotz"]),
        ("shots=many", ["shots", "many"]),
        ("shots=0", ["shots=0", "above 0"]),
        ("device=gpu", ["device=gpu", "cuda"]),
        ("images_per_batch=0", ["images_per_batch=0", "above 0, or null"]),
        ("precision=fp8", ["precision=fp8", "bf16"]),
        ("stages=[referenced]", ["stages=referenced", "references"]),
        ("stages=[]", ["stages"]),
        ("matcher.nms_iou=high", ["matcher.nms_iou", "high"]),
        ("proposals=crops", ["crops", "adaptive", "grid"]),
        ("proposals.prompts=boxes", ["proposals.prompts=boxes", "grid, adaptive"]),
        ("proposals.resemblance=0.5", ["proposals.resemblance", "proposals=adaptive", "did not choose"]),
        ("+proposals.resemblance=0.5", ["proposals.resemblance=0.5", "with proposals=adaptive only"]),
        ("segmenter.points_per_side=16", ["segmenter.points_per_side", "proposals.points_per_side"]),
        ("+segmenter.cover_iou=0.5", ["segmenter.cover_iou", "proposals.cover_iou"]),
        ("segmenter.prompts=adaptive", ["segmenter.prompts", "proposals=adaptive"]),
        ("segmenter.no_mem_embed=maybe", ["segmenter.no_mem_embed", "maybe"]),
        ("segmenter.overrides.directly_add_no_mem_embed=0", ["directly_add_no_mem_embed=0", "true or false"]),
        ("memory.shortage=ignore", ["memory.shortage=ignore", "take"]),
        ("dataset=custom", ["dataset.references"]),
        ("backbone.image_size=500", ["backbone.image_size=500", "14"]),
        ("shots=[", ["shots=["]),
    ],
)
def test_a_mistake_is_named_with_its_way_out(override, parts):
    message = complaint(override)
    assert "\n" not in message
    for part in parts:
        assert part in message, message


@pytest.mark.parametrize(
    ("option", "allowed"),
    [("cover_iou=80", "from 0 to 1"), ("cover_area=-1", "from 0 to 1"), ("resemblance=0", "a share above 0")],
)
def test_options_of_adaptive_prompts_have_their_ranges(option, allowed):
    message = complaint("proposals=adaptive", f"proposals.{option}")
    assert f"proposals.{option.split('=')[0]}=" in message
    assert allowed in message
