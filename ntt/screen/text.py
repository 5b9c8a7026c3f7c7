"""The user's text on the screen: shown letter by letter, never read as rich's markup or a terminal's commands."""

from __future__ import annotations

from rich.text import Text


def printable(text: str) -> str:
    """The text with what no screen shows as escapes: control characters, and bytes of a name that are no UTF-8."""
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)


def plain(text: str) -> Text:
    """A cell or title of a table: brackets in it are brackets."""
    return Text(printable(text))
