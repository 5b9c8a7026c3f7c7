"""Code may cite docs/method.md, section by section, and nothing that the repository does not hold."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# "docs/method.md, section 5.3", "docs/method.md, sections 2.1 to 2.3", "docs/method.md, sections 2.5, 3, 4.5 and 5"
CITATION = re.compile(r"docs/method\.md, sections? (\d+(?:\.\d+)?(?:(?:, | and | to )\d+(?:\.\d+)?)*)")
NUMBER = re.compile(r"\d+(?:\.\d+)?")
HEADING = re.compile(r"^##+ (\d+(?:\.\d+)?)\.? ", re.MULTILINE)
# A section of "the method", or of no document at all.
OTHER_FORM = re.compile(r"\bmethod,? sections? \d|\(sections? \d|spec/\w+\.md|(?<!docs/)\bmethod\.md", re.IGNORECASE)


def lines() -> list[tuple[str, str]]:
    """(where, paragraph) of everything that may cite: comments and docstrings break lines, so spaces are joined."""
    found = []
    for folder in ("ntt", "conf", "tests", "experiments", "hydra_plugins"):
        for file in sorted((ROOT / folder).rglob("*")):
            if file.suffix in (".py", ".yaml") and file != Path(__file__):
                text = re.sub(r"\s*\n\s*#?\s*", " ", file.read_text(encoding="utf-8"))
                found.append((str(file.relative_to(ROOT)), text))
    return found


def cited() -> list[tuple[str, str]]:
    return [(where, n) for where, text in lines() for c in CITATION.findall(text) for n in NUMBER.findall(c)]


def test_every_cited_section_exists():
    sections = set(HEADING.findall((ROOT / "docs/method.md").read_text(encoding="utf-8")))
    assert {"1", "2.5", "5.4", "8"} <= sections
    assert [(where, number) for where, number in cited() if number not in sections] == []


def test_sections_are_cited_at_all():
    assert len(cited()) >= 30


def test_no_citation_has_another_form():
    assert [(where, OTHER_FORM.findall(text)) for where, text in lines() if OTHER_FORM.search(text)] == []


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("see docs/method.md, section 5.3.", ["5.3"]),
        ("(docs/method.md, sections 2.1 to 2.3)", ["2.1", "2.3"]),
        ("docs/method.md, sections 2.5, 3, 4.5 and 5, against", ["2.5", "3", "4.5", "5"]),
    ],
)
def test_the_forms(text, numbers):
    assert NUMBER.findall(CITATION.search(text)[1]) == numbers


@pytest.mark.parametrize("text", ["(method section 5.3)", "(method, section 4)", "(section 4)", "see spec/gpu.md"])
def test_the_forms_refused(text):
    assert OTHER_FORM.search(text)
