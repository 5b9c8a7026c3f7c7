"""Parts of a run that a config names by class: `_target_`, and options that the class owns."""

from __future__ import annotations

import difflib
import inspect
import os
import pickle
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import lru_cache
from typing import Any, TypeVar

from hydra.utils import get_class
from omegaconf import OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from ntt.composition.renamed import moved
from ntt.errors import InputError

T = TypeVar("T")
# What a network of one's own is told if it asks: where it is, and how segmenters are prompted.
_MAY_BE_IGNORED = (
    *("name", "weights", "url", "hub_id"),
    *("prompts", "points_per_side", "iou_threshold", "cover_iou", "cover_area", "resemblance"),
)
_OURS = ("ntt", "sam2", "torch.nn")  # what the configs that come with ntt name


def check_trust(config: Mapping[str, Any], trusted: Collection[str]) -> None:
    """Refuse classes of packages that nobody said to trust: a `_target_` is imported and called.

    Args:
        config: of a run, as plain values.
        trusted: packages, besides ntt's own and those that NTT_TRUSTED lists with commas between.

    Raises:
        InputError: names the first `_target_` of another package, and how to trust it.
    """
    known = (*_OURS, *trusted, *filter(None, os.environ.get("NTT_TRUSTED", "").split(",")))
    for key, target in _targets(config, ""):
        if not any(f"{target}.".startswith(f"{package}.") for package in known):
            package = target.split(".")[0]
            raise InputError(
                f"{key}={target} would run code of {package}, which this run does not trust: "
                f"add trusted=[{package}] to the command or your config, or set NTT_TRUSTED={package}."
            )


def _targets(value: Any, key: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            place = f"{key}.{name}" if key else str(name)
            if name == "_target_":
                yield place, str(inner)
            else:
                yield from _targets(inner, place)
    elif isinstance(value, list):
        for inner in value:
            yield from _targets(inner, key)


def named_class(target: str, key: str) -> type[Any]:
    """The class of a dotted name.

    Raises:
        InputError: there is none, or its module cannot be imported.
    """
    try:
        return get_class(target)
    except Exception as error:  # whatever the import of somebody's module raises
        reason = str(error.__cause__ or error).strip().splitlines()[0]
        raise InputError(
            f"{key}._target_={target} cannot be imported ({reason}): give package.module.Class of an installed package."
        ) from error


def make_part(options: Mapping[str, Any], key: str) -> Any:
    """An object of the class that `_target_` names, made of the other options.

    Args:
        options: `_target_` and the constructor's arguments.
        key: where they stand in the config, for messages.

    Raises:
        InputError: the class or an option cannot be used.
    """
    own = dict(options)
    kind = named_class(str(own.pop("_target_")), key)
    if is_dataclass(kind):
        return typed(kind, own, key)
    try:
        inspect.signature(kind).bind(**own)
    except TypeError as error:
        raise InputError(f"{key}: {kind.__name__} cannot be made of these options: {error}.") from error
    return kind(**own)


def typed(kind: type[T], options: Mapping[str, Any], key: str) -> T:
    """An object of a dataclass, with options checked and converted to the fields' types.

    Raises:
        InputError: names the option that is missing, unknown or of a wrong type.
    """
    same: Any = kind  # hashable, which mypy doubts of a type variable
    made = pickle.loads(_typed(same, pickle.dumps(dict(options)), key))
    assert isinstance(made, kind)
    return made


@lru_cache(maxsize=64)
def _typed(kind: type[Any], pickled: bytes, key: str) -> bytes:
    """As :func:`typed`, pickled: the points of a sweep share most sections, and OmegaConf takes 3 ms for each."""
    options = pickle.loads(pickled)
    try:
        return pickle.dumps(OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(kind), options)))
    except MissingMandatoryValue as error:
        option = ".".join(filter(None, (key, error.full_key)))
        raise InputError(f"{option} has no value: give it as {option}=...") from error
    except OmegaConfBaseException as error:
        option = ".".join(filter(None, (key, error.full_key))) or "the config"
        if told := moved(option):
            raise InputError(told) from error
        reason = str(error.msg or error).splitlines()[0]
        if whole := re.match(r"Merge error: \w+ is not a subclass of (\w+?)(?:Config|Settings)?\. value: (.*)", reason):
            section, value = whole[1].lower(), whole[2]
            raise InputError(
                f"{section}={value} gives one value to a section: name one of its keys ({section}.KEY={value}), which "
                "`--cfg job` lists."
            ) from error
        if unknown := re.match(r"Key '([^']+)' not in", reason):
            raise InputError(_unknown(unknown[1], option, kind)) from error
        if "not a ListConfig" in reason:
            value = options.get(error.full_key.split(".")[-1], "...") if error.full_key else "..."
            raise InputError(f"{option}={value} is not possible: give a list, written '{option}=[{value}]'.") from error
        raise InputError(f"{option} cannot be used: {reason}. Compare with `--cfg job`.") from error


def _unknown(name: str, option: str, kind: type[Any]) -> str:
    """For a key that a config has and a run has not."""
    known = [one.name for one in fields(kind)]
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.7)
    if close:
        return f"Unknown option {option}: did you mean {option.removesuffix(name)}{close[0]}?"
    if name == "experiment":
        return (
            "The config that +experiment= names says nothing of a run: begin it with the line `# @package _global_`, "
            "with options below it."
        )
    return f"Unknown option {option}. All options: add `--cfg job` to the command."


def accepted(kind: Any, options: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the options that a constructor has arguments for."""
    parameters = inspect.signature(kind).parameters
    if any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters.values()):
        return dict(options)
    return {name: value for name, value in options.items() if name in parameters}


def build(options: Mapping[str, Any], **more: Any) -> Any:
    """A network of the class that `_target_` names.

    Args:
        options: `_target_` and the constructor's arguments.
        more: given to the constructor where it has arguments of these names.
    """
    own = dict(options)
    target = str(own.pop("_target_"))
    kind = named_class(target, "network")
    # Not hydra's instantiate: it would wrap our own clear errors in its longer ones.
    if target.startswith("ntt."):
        return kind(**own, **more)
    given: dict[str, Any] = {**more, **{name: own.pop(name) for name in _MAY_BE_IGNORED if name in own}}
    given = {**own, **accepted(kind, given)}
    try:
        inspect.signature(kind).bind(**given)
    except TypeError as error:
        raise InputError(f"{target} cannot be made of these options: {error}.") from error
    return kind(**given)
