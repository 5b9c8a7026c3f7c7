"""Every command and option that a page tells the reader to type is one that the program takes today."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from command_line import draw_coco
from documented import OPTION, ROOT, Documented, commands, options, pages
from hydra import compose, initialize_config_dir
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf
from stand_ins import write_networks

from ntt.commands.verbs import answer, as_run
from ntt.config import read_config
from ntt.run import conf_folder


def once(found: Iterable[Documented]) -> list[Documented]:
    """Each command line once, as its first page has it."""
    return sorted({one.words: one for one in reversed(list(found))}.values(), key=str)


COMMANDS = once(one for page in pages() for one in commands(page))
OPTIONS = once(one for page in pages() for one in options(page))
VERBS = ("ablate", "app", "weights", "data", "sweep", "report", "show", "predict", "check", "bench")
OF_TORCH = ("align_corners", "weights_only")
# What an option is read with; under it all of them have a meaning.
WITH = ["+experiment=demo", "tracking=wandb", "proposals=adaptive"]


def run_options(words: tuple[str, ...]) -> tuple[str, ...] | None:
    """What follows `python -m ntt.run`, `torchrun ... -m ntt.run`, `ntt` or `ntt sweep submit`; else None."""
    if "ntt.run" in words:
        return words[words.index("ntt.run") + 1 :]
    if words[0] == "ntt" and (len(words) == 1 or words[1] not in VERBS):
        return tuple(as_run(list(words[1:]))) if answer(list(words[1:])) is None else ("--help",)
    if words[:3] == ("ntt", "sweep", "submit"):
        return ("hydra/launcher=slurm", *words[3:])
    return None


RUNS = [one for one in COMMANDS if run_options(one.words)]
OTHERS = [one for one in COMMANDS if one not in RUNS]


def composed(words: list[str]) -> list[DictConfig]:
    """The first and the last point of a command line, as Hydra composes and ntt validates them."""
    overrides, flags = [], iter(words)
    for word in flags:
        if word in ("-m", "--multirun", "--help"):
            continue
        if word == "--cfg":
            assert next(flags) == "job"
        elif word == "--config-dir":
            overrides.append(f"hydra.searchpath=[file://{ROOT / next(flags)}]")
        else:
            assert not word.startswith("-"), f"what does {word} mean?"
            overrides.append(word)
    points = BasicSweeper.split_arguments(OverridesParser.create().parse_overrides(overrides), None)[0] or [[]]
    with initialize_config_dir(str(conf_folder()), job_name="ntt", version_base="1.3"):
        ends = {tuple(point): None for point in (points[0], points[-1])}
        found = [compose("config", overrides=list(point), return_hydra_config=True) for point in ends]
    for one in found:
        read_config(one)
    return found


def test_the_pages_have_commands():
    assert len(RUNS) >= 12
    assert len(OTHERS) >= 10
    assert len(OPTIONS) >= 15
    assert sum(one.page == "README.md" for one in COMMANDS) >= 20


@pytest.mark.parametrize("one", RUNS, ids=str)
def test_a_run_is_composed(one):
    assert composed(list(run_options(one.words)))


@pytest.fixture(scope="module")
def keys() -> dict[str, str]:
    """The last word of every key -> the whole key."""
    found: dict[str, str] = {}

    def collect(node: Mapping[str, Any], path: str) -> None:
        for key, value in node.items():
            found.setdefault(str(key), f"{path}{key}")
            if isinstance(value, Mapping):
                collect(value, f"{path}{key}.")

    values = OmegaConf.to_container(composed(WITH)[0])
    collect({key: value for key, value in values.items() if key != "hydra"}, "")
    return found


@pytest.mark.parametrize("one", [o for o in OPTIONS if not o.words[0].startswith(OF_TORCH)], ids=str)
def test_an_option_is_there(one, keys):
    """Also by its last word alone, as tables call it."""
    key, _, value = one.words[0].partition("=")
    assert composed([*WITH, f"{keys.get(key, key)}={value}"])


@pytest.mark.parametrize("group", ["dataset", "proposals", "memory", "matcher", "evaluation", "tracking"])
def test_readmes_table_of_groups_names_every_choice(group):
    table = (ROOT / "README.md").read_text(encoding="utf-8").partition("| group | choices |")[2]
    row = re.search(rf"^\| `{group}` \| (.*) \|$", table, re.MULTILINE)
    assert row, f"README's table of groups has no {group}"
    named = set(re.findall(r"`(\w+)`", row[1])) - {"pycocotools"}
    there = {file.stem for file in (ROOT / "conf" / group).glob("*.yaml") if not file.stem.startswith("_")}
    assert named == there


@pytest.mark.parametrize("one", OTHERS, ids=str)
def test_another_command_is_there(one, tmp_path):
    program, first, *rest = one.words
    if program == "make":
        targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
        assert first in targets
    elif program == "ntt":
        _is_a_verb_of_ours(one, tmp_path)
    else:
        assert program == "python", f"nobody knows how to try {one}"
        module = (first, rest.pop(0)) if first == "-m" else (str(ROOT / first),)
        if first == "-m":
            assert importlib.util.find_spec(module[1]), f"{module[1]} is no module"
        _takes(module, rest)


def _takes(program: tuple[str, ...], words: list[str]) -> None:
    """Its --help names every flag, and its options are those of a run."""
    flags = [word.partition("=")[0] for word in words if word.startswith("--")]
    assert [flag for flag in flags if flag not in _help(program)] == []
    if overrides := [word for word in words if OPTION.fullmatch(word)]:
        composed(overrides)


@lru_cache
def _help(program: tuple[str, ...]) -> str:
    done = _call([sys.executable, *program, "--help"], ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _is_a_verb_of_ours(one: Documented, cwd: Path) -> None:
    """It ends well, or with a sentence about what is not here; argparse's word for an option it does not know fails."""
    words = [sys.executable, "-m", "ntt.run", *one.words[1:]]
    if len(one.words) == 2:  # `ntt weights`
        words.append("--help")
    done = _call(words, cwd, NTT_OFFLINE="1", NTT_WEIGHTS=str(cwd), HOME=str(cwd))
    assert done.returncode in (0, 2), done.stderr
    # In a sentence a command may stand without its folder.
    known = done.stderr.startswith("ntt: ") or "the following arguments are required" in done.stderr
    assert done.returncode == 0 or known, done.stderr


def _call(words: list[str], cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words,
        cwd=cwd,
        env={**os.environ, "COLUMNS": "200", **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_stale_option_would_be_seen():
    with pytest.raises(Exception, match="Could not override 'shot'"):
        composed(["+experiment=demo", "shot=3"])
    with pytest.raises(Exception, match="matcher"):
        composed(["+experiment=demo", "matcher=softest"])


def test_a_stale_flag_would_be_seen():
    with pytest.raises(AssertionError, match="--nothing"):
        _takes(("-m", "ntt.bench"), ["--nothing"])


@pytest.mark.integration
@pytest.mark.parametrize("words", ["--help", "+experiment=coco_30shot --cfg job"])
def test_what_readme_says_about_help_runs(words):
    assert any(" ".join(run_options(one.words)) == words for one in RUNS if one.page == "README.md")
    done = _call([sys.executable, "-m", "ntt.run", *words.split()], ROOT)
    assert done.returncode == 0, done.stderr
    assert "shots" in done.stdout


@pytest.mark.integration
def test_readmes_own_objects_are_found_as_told(tmp_path):
    """`+experiment=custom` with a file of references and a folder of photographs, on small networks."""
    words = next(run_options(one.words) for one in RUNS if one.page == "README.md" and "refs.json" in str(one))
    draw_coco(tmp_path, "train", images=3, seed=1)
    (tmp_path / "train2017").rename(tmp_path / "photos")
    (tmp_path / "annotations/instances_train2017.json").rename(tmp_path / "refs.json")
    command = [sys.executable, "-m", "ntt.run", *words, "dataset.reference_images=photos", "device=cpu"]
    done = _call([*command, *write_networks(tmp_path), "hydra.run.dir=out"], tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out/predictions.json").exists()
