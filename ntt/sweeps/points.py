"""The points of a sweep, each with its config resolved and pinned when the sweep is submitted.

`<sweep>/points/<number>.yaml` holds a point's whole config, so that it can be run by itself and so that a later edit
of conf/ changes nothing; `index.json` beside it holds each point's folder and what sets it apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]
from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf, open_dict

from ntt.composition.quoting import as_text
from ntt.errors import InputError
from ntt.foreign.documents import read_object, read_yaml
from ntt.foreign.parsing import parsing
from ntt.processes.own import OWN
from ntt.store.files import write_atomically, write_json
from ntt.sweeps.hydra_internals import BASIC_SWEEPER, BasicSweeper, get_omega_conf_dumper

_FOLDER = "points"
_INDEX = "index.json"
_START_ANEW = "the sweep's folder was changed: start the sweep anew in another one"
_HYDRAS = ("defaults", "hydra")  # in a point's file, what is Hydra's and not the run's


@dataclass(frozen=True)
class Point:
    """One run of a sweep.

    Attributes:
        number: its place in the sweep, from 0.
        swept: what sets it apart, such as ``{"shots": "1", "seed": "33"}``.
        directory: its run's folder.
        file: its pinned config.
    """

    number: int
    swept: dict[str, str]
    directory: Path
    file: Path

    def config(self) -> dict[str, Any]:
        """The pinned config, without what is Hydra's."""
        return _without_hydra(read_yaml(self.file, _START_ANEW))

    def arguments(self) -> list[str]:
        """Of `python -m ntt.run`, to run this point as it was submitted."""
        return [
            *("--config-path", str(self.file.parent.absolute()), "--config-name", self.file.stem),
            f"hydra.run.dir={override_value(self.directory)}",
        ]


def assignments(loader: ConfigLoader, sweep: DictConfig) -> list[list[str]]:
    """The overrides of each point, in the order of Hydra's jobs.

    Args:
        loader: the application's.
        sweep: the config composed without what is swept, Hydra's part included.

    Returns:
        Nothing for a sweeper that chooses its points as it goes.
    """
    if sweep.hydra.sweeper._target_ != BASIC_SWEEPER:
        return []
    given = [f"{key}={value}" for key, value in (sweep.hydra.sweeper.params or {}).items()]
    overrides = OverridesParser.create(loader).parse_overrides(given + list(sweep.hydra.overrides.task))
    return [list(point) for batch in BasicSweeper.split_arguments(overrides, None) for point in batch]


def pin(loader: ConfigLoader, sweep: DictConfig, overrides: Sequence[Sequence[str]], first: int = 0) -> list[Point]:
    """Resolve and write the config of each point.

    Args:
        loader: the application's.
        sweep: as for :func:`assignments`.
        overrides: of each point.
        first: number of the first one. From 0, the points of an earlier sweep in the same folder are forgotten.
    """
    root = Path(str(sweep.hydra.sweep.dir))
    folder = root / _FOLDER
    if first == 0:
        forget(root)
    index = read_object(folder / _INDEX, _START_ANEW) if first else {}
    for number, (point, swept) in enumerate(zip(overrides, _swept(overrides), strict=True), start=first):
        config = loader.load_sweep_config(sweep, list(point))
        with open_dict(config):
            config.hydra.job.num, config.hydra.job.id = number, str(number)
        index[str(number)] = {"swept": swept, "directory": str(OmegaConf.select(config, "hydra.sweep.subdir"))}
        file, values = folder / f"{number}.yaml", _of_the_run(config)
        write_atomically(file, _as_yaml(_standing_alone(config.hydra, values)).encode())
        OWN.pinned[file] = values
    write_json(folder / _INDEX, index)
    return [point for point in read_points(root) if point.number >= first]


def forget(root: Path) -> None:
    """Remove the points of an earlier sweep in the folder `root`."""
    for file in (root / _FOLDER).glob("*.*"):
        file.unlink()
        OWN.pinned.pop(file, None)


def holds_points(root: Path) -> bool:
    """Whether the folder is a sweep's."""
    return (root / _FOLDER / _INDEX).is_file()


def read_points(root: Path) -> list[Point]:
    """The points of the sweep in the folder `root`, in order.

    Raises:
        InputError: the folder holds no sweep.
    """
    file = root / _FOLDER / _INDEX
    if not file.is_file():
        raise InputError(
            f"{root} holds no sweep (no {_FOLDER}/{_INDEX}): give the folder that `ntt sweep submit` or a run with -m "
            "named, outputs/NAME/multirun/DATE."
        )
    index = read_object(file, _START_ANEW)
    with parsing(lambda reason: InputError(f"{file} lists no points ({reason}); {_START_ANEW}.")):
        return [
            Point(number, dict(entry["swept"]), root / entry["directory"], root / _FOLDER / f"{number}.yaml")
            for number, entry in sorted((int(key), entry) for key, entry in index.items())
        ]


def point_of(directory: Path) -> tuple[Path, Point] | None:
    """The sweep's folder and the point whose run has this folder; None for a run that belongs to no sweep."""
    for root in directory.absolute().parents:
        if (root / _FOLDER / _INDEX).exists():
            found = (point for point in read_points(root) if point.directory == directory.absolute())
            return next(((root, point) for point in found), None)
    return None


def pinned(root: Path, number: int) -> dict[str, Any] | None:
    """The config that point `number` was submitted with, None where nothing was pinned."""
    file = root / _FOLDER / f"{number}.yaml"
    if not file.exists():
        return None
    return OWN.pinned[file] if file in OWN.pinned else _without_hydra(read_yaml(file, _START_ANEW))


def differing(one: Mapping[str, Any], other: Mapping[str, Any], prefix: str = "") -> list[str]:
    """The options, as `dataset.root`, in which two resolved configs differ."""
    found = []
    for key in sorted(set(one) | set(other)):
        mine, theirs = one.get(key), other.get(key)
        if isinstance(mine, Mapping) and isinstance(theirs, Mapping):
            found += differing(mine, theirs, f"{prefix}{key}.")
        elif mine != theirs or (key in one) != (key in other):
            found.append(f"{prefix}{key}")
    return found


def resolved(config: DictConfig) -> dict[str, Any]:
    """A config as plain values."""
    values = OmegaConf.to_container(config, resolve=True)
    assert isinstance(values, dict)
    return {str(key): value for key, value in values.items()}


def override_value(path: Path) -> str:
    """An absolute path as the value of an override, whatever characters it has."""
    return as_text(str(path.absolute()))


def _of_the_run(config: DictConfig) -> dict[str, Any]:
    """A composed config as plain values, without Hydra's part: most of it, which a copy of the whole would resolve."""
    return {str(key): _plain(config, str(key)) for key in config if key != "hydra"}


def _plain(config: DictConfig, key: str) -> Any:
    if OmegaConf.is_missing(config, key):
        return "???"
    value = config[key]
    return OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value


def _as_yaml(values: dict[str, Any]) -> str:
    """As ``OmegaConf.to_yaml`` writes them, without a config made of them first, which takes twice as long."""
    return yaml.dump(values, Dumper=get_omega_conf_dumper(), sort_keys=False, allow_unicode=True)


def _standing_alone(hydra: DictConfig, values: Mapping[str, Any]) -> dict[str, Any]:
    """A point's config as a file that Hydra can run by itself: conf/ is then only asked how to log."""
    conf = next(source.path for source in hydra.runtime.config_sources if source.provider == "main")
    logging, help_page = (hydra.runtime.choices[f"hydra/{group}"] for group in ("job_logging", "help"))
    return {
        "defaults": [
            {"override hydra/job_logging": logging},
            {"override hydra/help": help_page},
            "_self_",
        ],
        "hydra": {"searchpath": [f"file://{conf}"], "job": {"name": hydra.job.name}},
        **values,
    }


def _without_hydra(config: Any) -> dict[str, Any]:
    return {key: value for key, value in resolved(config).items() if key not in _HYDRAS}


def _swept(overrides: Sequence[Iterable[str]]) -> list[dict[str, str]]:
    """Per point, the overrides whose value is not the same in all points."""
    split = [dict(override.split("=", 1) for override in point) for point in overrides]
    values: dict[str, set[str | None]] = {key: {point.get(key) for point in split} for point in split for key in point}
    return [{k: v for k, v in point.items() if len(values[k]) > 1 and "hydra." not in k} for point in split]
