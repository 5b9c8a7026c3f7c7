"""A small dataset and one undisturbed run, shared by the tests of the real command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import draw_coco, log_of, ntt, run_options


@pytest.fixture(scope="session")
def coco(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("coco")
    draw_coco(root, "train", 6, seed=1)
    draw_coco(root, "val", 5, seed=2)
    return root


@pytest.fixture(scope="session")
def first_run(coco, small_networks, tmp_path_factory) -> tuple[Path, str]:
    """An undisturbed run: its working directory and its standard output."""
    cwd = tmp_path_factory.mktemp("first")
    done = ntt(*run_options(coco, small_networks), cwd=cwd)
    log_of(done)
    return cwd, done.stdout
