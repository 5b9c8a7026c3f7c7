"""What the project's pages tell a reader to type, read off the pages."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROGRAMS = ("make", "python", "ntt", "torchrun")
# `key=value` as our command line takes it: no call, no comparison, no environment variable.
OPTION = re.compile(r"[a-z_]+(?:[./][a-z_]+)*=[^\s()]*")


@dataclass(frozen=True)
class Documented:
    """Something to type, and the page that says so."""

    page: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.page}: {' '.join(self.words)}"


def pages() -> list[Path]:
    """Every page but extending.md, whose examples need the files that it shows: a test of its own runs them whole."""
    top = [*ROOT.glob("*.md"), *(page for page in (ROOT / "docs").glob("*.md") if page.name != "extending.md")]
    return sorted([*top, *(ROOT / "experiments").rglob("*.md"), *(ROOT / "ntt").rglob("*.md")])


def commands(page: Path) -> Iterator[Documented]:
    """Commands in code blocks, and in code inside sentences."""
    text = page.read_text(encoding="utf-8")
    for line in _code_lines(text):
        yield from _command(page, line)
    for span in _spans(text):
        yield from _command(page, span)


def options(page: Path) -> Iterator[Documented]:
    """Options by themselves in sentences, such as `matcher=diffusion`; one pair of quotes may hold several."""
    for span in _spans(page.read_text(encoding="utf-8")):
        words = span.split()
        if words and all(OPTION.fullmatch(word) for word in words):
            for word in words:
                yield Documented(str(page.relative_to(ROOT)), (word,))


def _command(page: Path, line: str) -> Iterator[Documented]:
    line = re.sub(r"\s+#.*", "", line)
    line = re.sub(r"^(/usr/bin/time -v )?(\.venv/bin/)?", "", line)
    # Nothing after it: in a sentence `make` or `ntt` is a name.
    if " " in line and line.split()[0] in PROGRAMS and "..." not in line:
        yield Documented(str(page.relative_to(ROOT)), tuple(shlex.split(line)))


def _code_lines(text: str) -> list[str]:
    """Lines of indented and fenced blocks, those that end in a backslash joined with the next."""
    lines, fenced = [], False
    for line in text.replace("\\\n", " ").splitlines():
        if line.startswith("```"):
            fenced = not fenced
        elif fenced or line.startswith("    "):
            lines.append(line.strip().removeprefix("$ "))
    return lines


def _spans(text: str) -> list[str]:
    """Code inside sentences, which may go over the end of a line."""
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    prose = re.sub(r"^    .*$", "", prose, flags=re.MULTILINE)
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose)]
