"""Each example of docs/extending.md runs as it stands there, in a folder of its own: no file of ntt changes."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

pytestmark = pytest.mark.integration
REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = (REPOSITORY / "docs" / "extending.md").read_text(encoding="utf-8")
FILES = re.findall(r"^`([\w/.]+)`\n```\w+\n(.*?)```$", PAGE, re.MULTILINE | re.DOTALL)
COMMANDS = [
    line for line in re.findall(r"^    ntt (--config-dir conf .*)$", PAGE, re.MULTILINE) if "my_data" not in line
]
SMALL = ("dataset.limit=2", "shots=1", "proposals.points_per_side=4", "report.pictures=0", "device=cpu", "workers=1")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page's files, and a picture for the table of polygons."""
    folder = tmp_path_factory.mktemp("my_project")
    for name, text in FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "birds" / "__init__.py").touch()
    picture = Image.new("RGB", (320, 320), "white")
    ImageDraw.Draw(picture).rectangle((40, 40, 140, 160), "red")
    picture.save(folder / "a.png")
    (folder / "table.csv").write_text("a.png,board,40,40,140,40,140,160,40,160\n")
    return folder


def run(project: Path, command: str, *more: str) -> subprocess.CompletedProcess[str]:
    words = shlex.split(command)
    # The drawn world's small files only, unless the example is about other data.
    small = [word for word in SMALL if "dataset=" not in command or not word.startswith("dataset.")]
    if "split=" not in command:
        small.append("split=[heart,cup]")
    return subprocess.run(
        [sys.executable, "-m", "ntt.run", *words, *small, "hydra.run.dir=out", *more],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(project), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_page_has_five_examples() -> None:
    assert len(COMMANDS) == 5
    assert len(FILES) == 10


@pytest.mark.parametrize("command", COMMANDS, ids=["dataset", "encoder", "rule", "memory", "stage"])
def test_an_example_runs_as_it_stands(project: Path, command: str) -> None:
    done = run(project, command)
    assert done.returncode == 0, done.stderr
    assert isinstance(json.loads((project / "out" / "predictions.json").read_text()), list)
    if "refine" in command:
        assert "dropthin: made" in done.stderr
        rows = json.loads((project / "out" / "predictions.json").read_text())
        assert all(min(row["bbox"][2:]) >= 12 for row in rows)


def test_an_untrusted_package_is_refused_and_one_in_the_environment_is_not(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = next(one for one in COMMANDS if "fade" in one).replace("trusted=[birds]", "")
    refused = run(project, command)
    assert refused.returncode == 2
    assert "matcher._target_=birds.rules.Fade would run code of birds" in refused.stderr
    assert "trusted=[birds]" in refused.stderr
    monkeypatch.setenv("NTT_TRUSTED", "birds")
    assert "Traceback" not in run(project, command, "stages=[references]").stderr


def test_a_changed_rule_is_another_result_and_a_changed_remark_is_not(project: Path) -> None:
    command = next(one for one in COMMANDS if "fade" in one)
    file = project / "birds" / "rules.py"
    source = file.read_text()
    run(project, command)
    try:
        file.write_text(source.replace("    strength", "    # How much.\n    strength"))
        assert "match: found" in run(project, command).stderr
        file.write_text(source.replace("coverage.amax(dim=1)", "coverage.amax(dim=1) / 2"))
        assert "match: made" in run(project, command).stderr
    finally:
        file.write_text(source)
