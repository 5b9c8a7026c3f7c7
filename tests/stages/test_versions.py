"""Expensive results have an explicit version in their keys; this test sees to it that nobody forgets it.

After a change of the source below: where it changes bytes, raise the version in ntt/stages; where not, say so by
`python tests/stages/test_versions.py`, which writes versions.json anew.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ntt.stages import encodings, shards, truth
from ntt.store.code import SourceDigests

FILE = Path(__file__).with_name("versions.json")


def today(cache: Path) -> dict[str, Any]:
    sources = SourceDigests(cache)
    made = {
        "encodings": (encodings.CODE, encodings.SOURCE),
        "masks": (shards.MASKS_CODE, shards.MASKS_SOURCE),
        "truth": (truth.CODE, truth.SOURCE),
        "vectors": (shards.VECTORS_CODE, shards.VECTORS_SOURCE),
    }
    return {name: {"version": version, "source": sources.of(*source)} for name, (version, source) in made.items()}


@pytest.mark.parametrize("kind", ["encodings", "masks", "truth", "vectors"])
def test_other_source_has_another_version_or_somebody_said_that_bytes_are_equal(kind: str, tmp_path: Path) -> None:
    known, now = json.loads(FILE.read_text())[kind], today(tmp_path / "sources.json")[kind]
    assert known == now, (
        f"The source that makes {kind} changed: bump the version (CODE in ntt/stages), or say that bytes are equal; "
        "then write both down with `python tests/stages/test_versions.py`."
    )


if __name__ == "__main__":
    FILE.write_text(json.dumps(today(Path("/nonexistent/sources.json")), indent=1) + "\n")
