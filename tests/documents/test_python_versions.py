"""The least version of Python, and those that were tried, are the same wherever they are told."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LEAST = "3.11"
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def text(name: str) -> str:
    return " ".join((ROOT / name).read_text(encoding="utf-8").split())


def test_every_place_tells_the_same_least_version() -> None:
    assert PYPROJECT["project"]["requires-python"] == f">={LEAST}"
    assert PYPROJECT["tool"]["ruff"]["target-version"] == f"py{LEAST.replace('.', '')}"
    assert PYPROJECT["tool"]["mypy"]["python_version"] == LEAST
    for name in ("README.md", "CONTRIBUTING.md", "Makefile"):
        assert set(re.findall(r"Python (3\.\d+) or later", text(name))) == {LEAST}, name
    assert f"sys.version_info >= ({LEAST.replace('.', ', ')})" in text("Makefile")


def test_the_readme_names_the_versions_that_were_tried() -> None:
    classifiers = PYPROJECT["project"]["classifiers"]
    tried = [c.rpartition(" ")[2] for c in classifiers if c.startswith("Programming Language :: Python :: 3.")]
    told = re.search(r"\(tried: ([^;]+);", text("README.md"))
    assert told
    assert re.findall(r"3\.\d+", told[1]) == tried
    assert tried[0] == LEAST
    assert "make demo PYTHON=python" in text("README.md")


def test_these_tests_run_on_a_version_that_is_supported() -> None:
    assert sys.version_info >= tuple(map(int, LEAST.split(".")))


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
def test_make_refuses_an_older_python_before_it_makes_anything(tmp_path: Path) -> None:
    # A Python whose version is too low for what is asked of it.
    old = tmp_path / "python3.10"
    code = "import sys; sys.version_info = (3, 10, 13); exec(sys.argv[2])"
    old.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{code}" "$@"\n')
    old.chmod(0o755)
    command = ["make", "install", f"PYTHON={old}", f"VENV={tmp_path}/venv"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert f"ntt needs Python {LEAST} or later, {old} is older" in done.stderr
    assert not (tmp_path / "venv").exists()
