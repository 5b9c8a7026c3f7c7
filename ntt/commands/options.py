"""What the commands share: options about the network, choosing by name, columns of text."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

from ntt.downloads.settings import DownloadSettings
from ntt.errors import InputError

T = TypeVar("T")


def add_network_options(parser: argparse.ArgumentParser) -> None:
    """--mirror, --timeout and --retries; the environment and the defaults hold for what is not given."""
    parser.add_argument("--mirror", metavar="URL", help="ask https://host/prefix, not the official host (NTT_MIRROR)")
    parser.add_argument("--timeout", type=float, metavar="S", help="seconds without a byte that count as a stall (30)")
    parser.add_argument("--retries", type=int, metavar="N", help="failures in a row before giving up (5)")


def network_settings(given: argparse.Namespace) -> DownloadSettings:
    """The settings of a command line.

    Raises:
        InputError: a value is out of range.
    """
    options = {name: getattr(given, name) for name in ("mirror", "timeout", "retries")}
    return replace(
        DownloadSettings.from_environment(), **{name: value for name, value in options.items() if value is not None}
    )


def choose(known: dict[str, T], names: Iterable[str], what: str) -> list[T]:
    """The entries of these names.

    Raises:
        InputError: one is unknown; the closest known one is named.
    """
    for name in names:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}."
            raise InputError(f"{name} is no known {what}: {hint}")
    return [known[name] for name in names]


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Rows as lines of aligned columns, two spaces apart: for eyes as well as for grep and awk."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
