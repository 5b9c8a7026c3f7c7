"""A result is never older than the code that claims it: an edited copy of the package makes it again."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import run_options

from ntt.run import conf_folder

pytestmark = pytest.mark.integration
RULE = "    return (1 - redundancy).clamp(min=0).sqrt()"  # of every score, also where no masks overlap


def run(copy: Path, cwd: Path, options: list[str]) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "ntt.run", *options, "report.pictures=0"],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_an_edited_rule_makes_other_results_and_an_edited_comment_makes_none(coco, small_networks, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(Path(conf_folder()).parent / "ntt", copy / "ntt", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(conf_folder(), copy / "conf")
    options = run_options(coco, small_networks)
    assert "match: made" in run(copy, tmp_path, options)
    before = (tmp_path / "out" / "predictions.json").read_bytes()

    merging = copy / "ntt" / "matching" / "merging.py"
    source = merging.read_text()
    assert RULE in source
    merging.write_text("# Another remark.\n" + source.replace(RULE, f"    # As published.\n{RULE}"))
    log = run(copy, tmp_path, options)
    assert all(f"{stage}: found" in log for stage in ("references", "memory", "match", "evaluate", "report"))

    merging.write_text(source.replace(RULE, f"{RULE} / 2"))
    log = run(copy, tmp_path, options)
    assert "memory: found" in log
    assert "match: made" in log
    assert (tmp_path / "out" / "predictions.json").read_bytes() != before
