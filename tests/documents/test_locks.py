"""requirements.hashes and the table of licences speak of the packages that are locked, and of no other version."""

from __future__ import annotations

import re

import pytest
from documented import ROOT

# What the registry's torch or another system wants besides has a marker, as in `; sys_platform == 'linux'`.
PIN = re.compile(r"^([\w.-]+)==([^\s;]+)(?: *; *(.*?))? *\\?$", re.MULTILINE)
# Packages whose metadata name no licence; docs/trust.md says what their files say.
SILENT = ["axe-playwright-python"]


def pins(file: str) -> dict[str, tuple[str, str]]:
    """Normalised name -> version and marker."""
    text = (ROOT / file).read_text(encoding="utf-8")
    return {normal(name): (version, marker) for name, version, marker in PIN.findall(text)}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("kind", ["requirements", "requirements-nodeps"])
def test_the_hashes_are_those_of_the_locked_versions(kind):
    """When this fails: `make hashes`."""
    locked, hashed = pins(f"{kind}.lock"), pins(f"{kind}.hashes")
    assert len(locked) >= (80 if kind == "requirements" else 1)
    assert {name: hashed.get(name) for name in locked} == locked
    assert {name for name, (_, marker) in hashed.items() if not marker} == set(locked)


@pytest.mark.parametrize("file", ["requirements.hashes", "requirements-nodeps.hashes"])
def test_every_locked_version_has_a_sum(file):
    text = (ROOT / file).read_text(encoding="utf-8")
    blocks = re.findall(r"^[\w.-]+==.*\\\n(?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+", text, re.MULTILINE)
    assert len(blocks) == len(pins(file))
    assert "".join(blocks) == re.sub(r"^#.*\n", "", text, flags=re.MULTILINE)


def test_the_table_of_licences_names_every_locked_package_and_a_licence():
    """When this fails: `make licences`."""
    table = dict(
        re.findall(r"^\| ([\w.-]+) +\| (.*?) +\|$", (ROOT / "docs/licences.md").read_text("utf-8"), re.MULTILINE)
    )
    assert table.pop("Name") == "License"
    assert {normal(name) for name in table} == {*pins("requirements.lock"), *pins("requirements-nodeps.lock")}
    assert [name for name, licence in table.items() if licence in ("", "UNKNOWN")] == SILENT
    trust = (ROOT / "docs/trust.md").read_text("utf-8")
    assert [name for name in SILENT if name not in trust] == []
