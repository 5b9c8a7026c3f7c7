"""JSON and YAML files, read with every damage told in one sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ntt.errors import InputError
from ntt.foreign.parsing import parsing
from ntt.foreign.patience import PATIENCE


def parse_json(raw: str | bytes, name: str | Path, way_out: str) -> Any:
    """The value that JSON text stands for.

    Args:
        raw: the text.
        name: of the file, for the message.
        way_out: ends the message: what to do about a file that is none.

    Raises:
        InputError: it is no JSON, or is nested too deeply.
    """
    with parsing(lambda reason: InputError(f"{name}: not a readable json file ({reason}); {way_out}")):
        return json.loads(raw)


def read_json(path: Path, way_out: str) -> Any:
    """The value in a JSON file; see :func:`parse_json`.

    Raises:
        InputError: the file cannot be read, too.
    """
    return parse_json(_bytes(path, way_out), path, way_out)


def read_object(path: Path, way_out: str) -> dict[str, Any]:
    """The object in a JSON file; see :func:`read_json`.

    Raises:
        InputError: the file holds something else, too.
    """
    value = read_json(path, way_out)
    if not isinstance(value, dict):
        raise InputError(f"{path}: no json object but {type(value).__name__} stands in it; {way_out}")
    return value


def object_or_none(path: Path) -> dict[str, Any] | None:
    """The object in a JSON file that may be lost at no cost: None where it is missing, damaged or something else."""
    try:
        return read_object(path, "")
    except InputError:
        return None


def read_yaml(path: Path, way_out: str) -> Any:
    """What a YAML file holds, as OmegaConf reads it: a DictConfig or a ListConfig, interpolations not yet resolved.

    Raises:
        InputError: the file cannot be read or is no YAML.
    """
    from omegaconf import OmegaConf

    with parsing(lambda reason: InputError(f"{path} cannot be read as YAML ({reason}); {way_out}")):
        return PATIENCE.of(lambda: OmegaConf.load(path))


def _bytes(path: Path, way_out: str) -> bytes:
    with parsing(lambda reason: InputError(f"{path}: cannot be read ({reason}); {way_out}")):
        return PATIENCE.of(path.read_bytes)
