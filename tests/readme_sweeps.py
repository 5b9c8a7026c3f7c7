"""The sweep commands of experiments/: read off each README, and executed with a miniature of their data set.

A command is typed as it stands there; only what makes it large is replaced: where the data are, the networks, and how
many values are swept. It runs in this process, which spares it the seconds of importing everything.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from documented import ROOT, commands
from hydra.core.global_hydra import GlobalHydra

from ntt.commands import run_command
from ntt.run import conf_folder, job

DEMO = ("backbone=dinov2_demo", "segmenter=sam2_demo", "proposals.points_per_side=6", "device=cpu", "report.pictures=0")
"""The networks that ship with ntt, with 36 prompts an image: for drawn scenes, a tenth of a second each."""


def sweeps_of(folder: str) -> list[tuple[str, ...]]:
    """The sweeps in experiments/FOLDER/README.md; those for a cluster are left out, being the same with a launcher."""
    typed = [one.words for one in commands(ROOT / "experiments" / folder / "README.md")]
    runs = [
        words for words in typed if words[:3] == ("python", "-m", "ntt.run") and {"-m", "--multirun"} & {*words[3:]}
    ]
    return [words for words in runs if not any(word.startswith("hydra/launcher=") for word in words)]


def reports_of(folder: str) -> list[tuple[str, ...]]:
    """Its `ntt report` commands."""
    return [
        one.words
        for one in commands(ROOT / "experiments" / folder / "README.md")
        if one.words[:2] == ("ntt", "report") and one.words[2].startswith("outputs/")
    ]


def run_sweep(words: tuple[str, ...], cwd: Path, values: Mapping[str, str], more: tuple[str, ...] = DEMO) -> Path:
    """Execute a sweep in `cwd`; returns the folder of its points.

    Args:
        words: the command as typed.
        cwd: where it is typed; also where outputs/ appear.
        values: option -> value, in place of the command's own or of the experiment's.
        more: options beside these.
    """
    kept = [word for word in words[3:] if word.partition("=")[0] not in values]
    given = [str(ROOT / word) if (ROOT / word).is_dir() else word for word in kept]  # of --config-dir
    before = set(cwd.glob("outputs/*/multirun/*"))
    with _typed_in(cwd, ["ntt", *given, *(f"{key}={value}" for key, value in values.items()), *more]):
        job()
    (made,) = set(cwd.glob("outputs/*/multirun/*")) - before
    return made


def run_once(options: list[str], cwd: Path) -> None:
    """A run by itself, as typed in `cwd`."""
    with _typed_in(cwd, ["ntt", *options]):
        job()


def run_small(options: tuple[str, ...], cwd: Path, more: tuple[str, ...] = DEMO) -> Path:
    """A run on the demo's networks; returns its folder."""
    before = set(cwd.glob("outputs/*/*/metrics.json"))
    with _typed_in(cwd, ["ntt", *options, *more]):
        job()
    (made,) = set(cwd.glob("outputs/*/*/metrics.json")) - before
    return made.parent


def run_report(words: tuple[str, ...], cwd: Path, folder: Path) -> Path:
    """Execute a report of a sweep, whose folder stands for outputs/.../DATE; returns the folder that it writes."""
    given = [str(folder) if word.startswith("outputs/") else word for word in words[1:]]
    given = [str(ROOT / word) if (ROOT / word).is_file() else word for word in given]
    with _typed_in(cwd, ["ntt", *given]):
        assert run_command(given, conf_folder()) == 0
    out = given[given.index("--out") + 1] if "--out" in given else str(folder / "report")
    return cwd / out


@contextlib.contextmanager
def _typed_in(cwd: Path, argv: list[str]) -> Iterator[None]:
    """As if it were typed in a folder; what Hydra sets for a whole process is put back."""
    root = logging.getLogger()
    handlers, level, arguments, folder = root.handlers[:], root.level, sys.argv, Path.cwd()
    threads = torch.get_num_threads()
    GlobalHydra.instance().clear()
    try:
        sys.argv = argv
        os.chdir(cwd)
        torch.set_num_threads(1)  # such small networks wait for each other's threads where others compute beside them
        yield
    finally:
        torch.set_num_threads(threads)
        os.chdir(folder)
        sys.argv = arguments
        for handler in {*root.handlers} - {*handlers}:  # Hydra's, with a run's log file
            handler.close()
        root.handlers[:], root.level = handlers, level
        GlobalHydra.instance().clear()
