"""A user's own folder of configs (`--config-dir`): found on the command line, and its files looked at."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from pathlib import Path

from ntt.errors import InputError

_FLAGS = ("--config-dir", "-cd", "--config-path", "-cp")


def own_folders(arguments: Sequence[str]) -> list[Path]:
    """The folders that a command line names with `--config-dir` or `--config-path`."""
    found = []
    for number, argument in enumerate(arguments):
        flag, equals, value = argument.partition("=")
        if flag in _FLAGS and equals:
            found.append(Path(value))
        elif argument in _FLAGS and number + 1 < len(arguments):
            found.append(Path(arguments[number + 1]))
    return found


def check_encoding(arguments: Sequence[str]) -> None:
    """Look at the chosen files of one's own folders: Hydra overlooks their first line behind a byte order mark.

    Raises:
        InputError: one is not plain UTF-8.
    """
    for folder in own_folders(arguments):
        for argument in arguments:
            group, _, choice = argument.lstrip("+").partition("=")
            file = folder / group.partition("@")[0] / f"{choice}.yaml"
            if choice and "\0" not in choice and file.is_file():
                refuse_encoding(file)


def refuse_encoding(file: Path) -> None:
    """
    Raises:
        InputError: the file is not UTF-8, or begins with a byte order mark.
    """
    try:
        raw = file.read_bytes()
        if raw.startswith(codecs.BOM_UTF8):
            raise InputError(f"{file} begins with a byte order mark: save it as UTF-8 without one (BOM).")
        raw.decode()
    except UnicodeDecodeError as error:
        line = 1 + raw[: error.start].count(b"\n")
        byte = f"byte 0x{raw[error.start]:02x} in line {line}"
        raise InputError(f"{file} is not UTF-8 ({byte}): save it as UTF-8.") from error
    except OSError as error:
        raise InputError(f"{file} cannot be read ({error.strerror}).") from error


def undecodable(error: UnicodeDecodeError, folders: Sequence[Path]) -> InputError:
    """The sentence for a config that turned out not to be UTF-8: which of them it was, Python does not say."""
    for folder in folders:
        for file in sorted(folder.rglob("*.yaml")):
            try:
                refuse_encoding(file)
            except InputError as found:
                return found
    return InputError(f"A text that was read is not UTF-8 ({error}).")
