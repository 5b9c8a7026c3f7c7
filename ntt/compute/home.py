"""The user's home in what is written for others to read: `~/data`, not `/home/name/data`."""

from __future__ import annotations

import logging
import re
from functools import lru_cache
from pathlib import Path
from typing import Any


def shortened(text: str) -> str:
    """The text with the home folder of every path in it written `~`.

    A word that a shell gets in quotes keeps what needs them in quotes, for it expands no quoted `~`.
    """
    for home in _homes():
        if home in text:
            quoted, plain = _patterns(home)
            text = plain.sub("~", quoted.sub(r"~/\1", text))
    return text


def without_home(value: Any) -> Any:
    """The same for all texts of a nested value of plain containers; paths in it become texts. Keys stay."""
    match value:
        case str():
            return shortened(value)
        case Path():
            return shortened(str(value))
        case dict():
            return {key: without_home(one) for key, one in value.items()}
        case list() | tuple():
            return [without_home(one) for one in value]
    return value


class HomelessFormatter(logging.Formatter):
    """Of log lines, tracebacks included."""

    def format(self, record: logging.LogRecord) -> str:
        """See :func:`shortened`."""
        return shortened(super().format(record))


def _homes() -> list[str]:
    """The home as it is called and as it really is, the longer one first; neither where it is the root or unknown."""
    try:
        home = Path.home()
        found = {str(home), str(home.resolve())}
    except (OSError, RuntimeError):
        return []
    return sorted((one for one in found if one.startswith("/") and one != "/"), key=len, reverse=True)


@lru_cache(maxsize=8)
def _patterns(home: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Of a quoted word of a shell with characters that need it, and of the home anywhere in a text."""
    escaped = re.escape(home)
    quoted = rf"(?<![^\s(])(['\"]){escaped}/(?=[^'\"]*[^\w@%+=:,./'\"-][^'\"]*\1)"
    # Neither the end of another path (/backup/home/name) nor the beginning of another name (/home/names).
    return re.compile(quoted), re.compile(rf"(?<![\w.~-]){escaped}(?![\w-]|\.\w)")
