"""Where the tests find material that is not part of the project, and why they skip without it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import stand_ins
from golden_files import golden_folder
from hypothesis import HealthCheck, settings

REPOSITORY = Path(__file__).resolve().parent.parent

# `make test` tries the same examples every time; `make fuzz` (tests/fuzz.py) new ones, with this profile and a seed.
settings.register_profile("fixed", derandomize=True, database=None, deadline=None)
settings.register_profile(
    "fuzz", database=None, deadline=None, max_examples=300, print_blob=True, suppress_health_check=list(HealthCheck)
)
settings.load_profile("fixed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every property test `fuzz`."""
    for item in items:
        if getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
            item.add_marker(pytest.mark.fuzz)


@pytest.fixture(scope="session")
def golden() -> Path:
    """Folder of expected outputs: ``NTT_GOLDEN``, else the copies in tests/golden."""
    folder = golden_folder()
    if not folder.is_dir():
        pytest.skip(f"no golden folder at {folder}; set NTT_GOLDEN")
    return folder


@pytest.fixture(scope="session")
def tiny_coco() -> Path:
    """50 + 50 real COCO images: ``NTT_TINY_COCO``, else ../shared/data/tiny_coco beside the repository."""
    folder = Path(os.environ.get("NTT_TINY_COCO") or REPOSITORY.parent / "shared" / "data" / "tiny_coco")
    if not (folder / "annotations" / "instances_val2017.json").is_file():
        pytest.skip(f"tiny_coco is not at {folder}; set NTT_TINY_COCO")
    return folder


@pytest.fixture(scope="session")
def small_networks(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Options for the command line: small random networks of the true architectures, in Meta's file formats."""
    return stand_ins.write_networks(tmp_path_factory.mktemp("weights"))
