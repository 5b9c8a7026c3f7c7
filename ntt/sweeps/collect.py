"""Collect the points of sweeps from the folders that runs leave behind.

A run's folder holds ``.hydra/config.yaml``, and ``metrics.json`` once it is complete; a sweep's folder holds
``multirun.yaml`` and one run's folder per job.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

import ntt.config  # noqa: F401  registers what interpolations in configs call
from ntt.errors import InputError
from ntt.evaluation.settings import DEFAULT as COCO
from ntt.foreign.documents import object_or_none, read_yaml
from ntt.reporting.tables import TASKS, Metrics
from ntt.sweeps.plan import planned_points

COORDINATES = ("shots", "seed", "split")
# What a result depends on besides the coordinates. Where weights are, and how the work is cut up, is not among it.
_METHOD = ("dataset", "backbone", "segmenter", "memory", "matcher", "evaluation", "precision")
_IRRELEVANT = {
    "dataset.download",
    "dataset.reference_images",
    "dataset.target_images",
    "backbone.url",
    "segmenter.url",
    "segmenter.prompt_batch",
    *(f"dataset.format.{key}" for key in COORDINATES),  # where a reader draws what the coordinates say
}

_DATASET = "dataset.name"
_OF_A_DATASET = (_DATASET, "dataset.references", "dataset.targets")
_CHOSEN = ("dataset.references", "dataset.format.shots", "dataset.format.seed")

Key = tuple[int, int, str]


@dataclass(frozen=True)
class Point:
    """One run of a sweep.

    Attributes:
        shots: references per class.
        seed: of the reference sampling.
        split: the named split, or the class names joined by commas.
        folder: the run's; of a run that never began, the sweep's.
        metrics: as in ``ntt.reporting.tables``; None while the point is incomplete.
        state: "complete", or what is missing.
    """

    shots: int
    seed: int
    split: str
    folder: Path
    metrics: Metrics | None
    state: str

    @property
    def key(self) -> Key:
        """What tells the points of a sweep apart."""
        return self.shots, self.seed, self.split


@dataclass(frozen=True)
class Sweep:
    """Points that differ in shots, seed and split only; where they are of several datasets, a split is one of these.

    Attributes:
        names: the ``name`` options of the runs, in the order of the folders.
        points: one per (shots, seed, split), sorted by split, shots and seed.
        notes: sentences on points that were found more than once.
        dataset: the runs' `dataset.name`; empty where they are of several.
        several: whether they are.
    """

    names: list[str]
    points: list[Point]
    notes: list[str]
    dataset: str = ""
    several: bool = False


def row_name(dataset: str, split: str) -> str:
    """What takes a split's place where a sweep is of several datasets."""
    return dataset if split == "all" else f"{dataset}, {split}"


def collect(folders: Sequence[Path]) -> Sweep:
    """Read the sweeps and runs in some folders, at any depth.

    Of two runs of one point the complete one is taken, of two complete ones the newest, and a note says so.

    Raises:
        InputError: a folder is missing or holds no run, a config is not one of ntt's, or the runs differ in more than
            shots, seed and split, so that no mean over them would mean anything.
    """
    runs = _each_once([run for folder in folders for run in _runs(folder)])
    configs = {run: _config(run / ".hydra" / "config.yaml") for run in runs}
    multiruns = _each_once([path for folder in folders for path in _multiruns(folder)])
    sweeps = {path.parent: _config(path) for path in multiruns}
    planned = {folder: planned_points(config, (*COORDINATES, _DATASET)) for folder, config in sweeps.items()}
    datasets = {str(_flat(config).get(_DATASET) or "") for config in configs.values()}
    datasets |= {str(values[_DATASET] or "") for points in planned.values() for values in points}
    several = len(datasets) > 1
    _check_one_method(configs, several)
    found: dict[Key, list[Point]] = {}
    for run, config in configs.items():
        metrics, state = _metrics(run / "metrics.json")
        coordinates = _coordinates({**config, _DATASET: _flat(config).get(_DATASET)}, run, several)
        found.setdefault(coordinates, []).append(Point(*coordinates, run, metrics, state))
    for folder, points_of in planned.items():
        for values in points_of:
            point = Point(*_coordinates(values, folder, several), folder, None, "never began")
            found.setdefault(point.key, [point])
    notes: list[str] = []
    points = [_newest(same, notes) for same in found.values()]
    names = dict.fromkeys(str(config["name"]) for config in (configs | sweeps).values())
    dataset = "" if several else next(iter(datasets), "")
    return Sweep(list(names), sorted(points, key=lambda p: (p.split, p.shots, p.seed)), notes, dataset, several)


def _runs(folder: Path) -> list[Path]:
    """The run folders in a folder, itself included.

    Raises:
        InputError: there is no such folder, or no run in it.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder: give the folder of a sweep, outputs/NAME/multirun/DATE, or a run.")
    runs = []
    for parent, below, _ in os.walk(folder):
        below.sort()
        if (Path(parent) / ".hydra" / "config.yaml").is_file():
            runs.append(Path(parent))
            below.clear()
    if not runs and not _multiruns(folder):
        raise InputError(
            f"{folder} holds no run (no .hydra/config.yaml at any depth): give outputs/NAME/multirun/DATE or "
            "outputs/NAME/DATE."
        )
    return runs


def _multiruns(folder: Path) -> list[Path]:
    return sorted(folder.rglob("multirun.yaml"))


def _each_once(paths: list[Path]) -> list[Path]:
    """Without what was reached twice, through overlapping folders."""
    return list({path.resolve(): path for path in reversed(paths)}.values())[::-1]


def _config(path: Path) -> dict[str, Any]:
    loaded = read_yaml(path, "leave its folder out")
    try:
        # A sweep that was submitted pins its configs with every interpolation resolved, others leave them as they are.
        config = OmegaConf.to_container(loaded, resolve=True)
    except OmegaConfBaseException:
        config = OmegaConf.to_container(loaded)
    absent = [key for key in ("name", *COORDINATES) if not isinstance(config, dict) or key not in config]
    if absent:
        raise InputError(f"{path} has no {' and no '.join(absent)}, so it is no run of ntt: leave its folder out.")
    assert isinstance(config, dict)
    return {str(key): value for key, value in config.items()}


def _coordinates(config: Mapping[str, Any], folder: Path, several: bool) -> Key:
    shots, seed, split = (config[key] for key in COORDINATES)
    if not isinstance(shots, int) or not isinstance(seed, int):
        raise InputError(f"shots={shots} and seed={seed} of {folder} should be whole numbers: leave the folder out.")
    named = split if isinstance(split, str) else ", ".join(map(str, split))
    return shots, seed, row_name(str(config[_DATASET]), named) if several else named


def _metrics(path: Path) -> tuple[Metrics | None, str]:
    """The figures and the state of a point."""
    if not path.is_file():
        return None, "no metrics.json"
    metrics = object_or_none(path)
    if metrics is None:
        return None, "metrics.json is damaged"
    if not any(isinstance(metrics.get(task), dict) for task in TASKS):
        return None, "metrics.json has no figures"
    return metrics, "complete"


def _newest(same: list[Point], notes: list[str]) -> Point:
    """The point to take of several runs of it."""
    if len(same) == 1:
        return same[0]
    chosen = max(same, key=lambda p: (p.metrics is not None, (p.folder / ".hydra" / "config.yaml").stat().st_mtime))
    complete = [point for point in same if point.metrics is not None]
    if len(complete) > 1:
        equal = all(point.metrics == chosen.metrics for point in complete)
        others = ", ".join(str(point.folder) for point in complete if point is not chosen)
        notes.append(
            f"{chosen.split}, {chosen.shots}-shot, seed {chosen.seed} was run {len(complete)} times with "
            f"{'equal' if equal else 'DIFFERENT'} figures: {chosen.folder} is taken, the newest, and not {others}."
        )
    return chosen


def _check_one_method(configs: Mapping[Path, Mapping[str, Any]], several: bool) -> None:
    """Refuse to average over what is not the same experiment."""
    described = [(folder, _method(config, several)) for folder, config in configs.items()]
    for folder, method in described[1:]:
        first_folder, first = described[0]
        for key in sorted(set(first) | set(method)):
            one, other = first.get(key), method.get(key)
            if one != other:
                raise InputError(
                    f"{first_folder} and {folder} differ in {key} ({one} and {other}), so they have no common mean: "
                    "report them separately."
                )


def _method(config: Mapping[str, Any], several: bool) -> dict[str, Any]:
    """The options that decide a result, with dotted keys; of weights the file's name.

    Files that shots or seed choose are those of the coordinates; of several datasets each has its own.
    """
    options = _flat({key: config.get(key) for key in _METHOD})
    for key in (*(_OF_A_DATASET if several else ()), *(_CHOSEN if options.get("dataset.chosen_by") else ())):
        options.pop(key, None)
    options.setdefault("evaluation._target_", COCO)  # of configs from before there was another
    names = {key: Path(value).name for key, value in options.items() if key.endswith(".weights")}
    return {key: value for key, value in (options | names).items() if key not in _IRRELEVANT}


def _flat(value: Any, prefix: str = "") -> dict[str, Any]:
    """Nested dicts as one, with dotted keys."""
    if not isinstance(value, dict):
        return {prefix: value}
    return {k: v for key, inner in value.items() for k, v in _flat(inner, f"{prefix}.{key}" if prefix else key).items()}
