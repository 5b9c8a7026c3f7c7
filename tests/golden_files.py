"""The golden files: what the published implementation gave, in `NTT_GOLDEN` or else in tests/golden."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

OWN = Path(__file__).resolve().parent / "golden"


def golden_folder() -> Path:
    """Where the files are looked for; another folder may hold some of them, with other cases."""
    return Path(os.environ.get("NTT_GOLDEN") or OWN)


def cases_of(file: str, name: Callable[[dict[str, Any]], str]) -> list[Any]:
    """The cases of a file as parameters of a test, one that is skipped where the file is not there."""
    path = golden_folder() / file
    if not path.is_file():
        return [pytest.param(None, id="absent", marks=pytest.mark.skip(reason=f"{path} is not there"))]
    cases = json.loads(path.read_text())
    return [pytest.param(case, id=name(case)) for case in (cases["cases"] if isinstance(cases, dict) else cases)]
