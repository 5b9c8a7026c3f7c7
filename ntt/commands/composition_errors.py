"""Hydra's composition errors, retold in one sentence each with the way out."""

from __future__ import annotations

import difflib
import re
from pathlib import Path

from hydra.errors import OverrideParseException
from omegaconf import DictConfig, OmegaConf

from ntt.commands.meant import suggestion
from ntt.composition.choices import read_choice
from ntt.composition.quoting import quoted
from ntt.composition.renamed import moved
from ntt.errors import InputError


def option_names(conf: Path) -> list[str]:
    """Every option that can be overridden: `shots`, `dataset.root`, ... and the groups themselves."""
    names: list[str] = []

    def collect(node: DictConfig, prefix: str) -> None:
        for key in map(str, node):
            if key in ("defaults", "hydra"):
                continue
            names.append(prefix + key)
            child = node._get_node(key)
            if isinstance(child, DictConfig):
                collect(child, f"{prefix}{key}.")

    collect(_load(conf / "config.yaml"), "")
    for group in _groups(conf):
        names.append(group.name)
        for option in sorted(group.glob("*.yaml"))[:1]:
            collect(read_choice(option), f"{group.name}.")
    return names


def _groups(conf: Path) -> list[Path]:
    return sorted(p for p in conf.iterdir() if p.is_dir() and p.name not in ("hydra", "experiment"))


def _choices_with(key: str, conf: Path) -> list[str]:
    """`group=choice` of the choices that have an option which the chosen one lacks."""
    group, _, name = key.partition(".")
    if not name or conf / group not in _groups(conf):
        return []
    files = sorted((conf / group).glob("*.yaml"))
    return [f"{group}={file.stem}" for file in files if name in read_choice(file)]


def _load(path: Path) -> DictConfig:
    loaded = OmegaConf.load(path)
    return loaded if isinstance(loaded, DictConfig) else DictConfig({})


def _nearest(word: str, known: list[str]) -> str:
    """` Did you mean ...?` or nothing."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f" Did you mean {close[0]}?" if close else ""


def explain(error: Exception, conf: Path) -> InputError:
    """Turn a Hydra or OmegaConf error raised during composition into one readable sentence.

    Args:
        error: what Hydra raised.
        conf: folder of the configs, searched for the option that was meant.
    """
    if isinstance(error, OverrideParseException):
        return _unreadable(str(error.override))
    text = str(error).strip() or str(error.__cause__ or error)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if match := re.search(r"Could not override '([^']+)'", text):
        key = match.group(1)
        if re.search(r"No match in the defaults list", text):
            return InputError(
                f"The group {key} is not part of this run: add it with +{key}=..., or see `ntt --help` for the groups."
            )
        return _unknown(key, conf)
    if match := re.search(r"Ambiguous value for argument '(.*?)'(?:\n|$)", text):
        return _unreadable(match.group(1), " Several values make a sweep: add -m.")
    if match := re.search(r"Could not find '([^']+)'", text):
        group, _, choice = match.group(1).rpartition("/")
        # Those that Hydra found, one's own folder (--config-dir) included.
        found = re.findall(r"^\t(\S+)$", text, re.MULTILINE)
        known = sorted(found or (p.stem for p in (conf / group).glob("*.yaml")))
        return InputError(f"{group} has no option {choice}.{_nearest(choice, known)} It has: {', '.join(known)}.")
    if match := re.search(r"Key '([^']+)' is not in struct", text):
        return _unknown(match.group(1), conf)
    return InputError(" ".join(lines[:2]) + ("" if lines[0].endswith(".") else "."))


def _unreadable(override: str, more: str = "") -> InputError:
    if "=" not in override:
        return InputError(
            f"{override} is no option: write key=value, as in +experiment=coco_30shot; commands such as `ntt sweep` "
            "come first, before all options."
        )
    written = quoted(override)
    way = f"write {written}" if written else "write 'key=\"value\"', quotes within quotes, for texts"
    return InputError(
        f"The option {override} cannot be read as it is: brackets, commas, =, # and letters beyond ASCII need quotes "
        f"that the shell leaves: {way}; a list is written 'split=[cat,dog]'.{more}"
    )


def _unknown(key: str, conf: Path) -> InputError:
    if told := moved(key):
        return InputError(told)
    if choices := _choices_with(key, conf):
        return InputError(f"{key} is an option of {' and '.join(choices)}, which this run did not choose.")
    known = option_names(conf)
    if key in known:
        return InputError(f"{key} has no such keys: to add keys to it write ++{key}=...")
    return InputError(f"Unknown option {key}.{suggestion(key, known)} All options: add `--cfg job` to the command.")
