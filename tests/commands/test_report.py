from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]

from ntt.commands import is_command, run_command
from ntt.errors import InputError

PUBLISHED = "method,split,shots,bbox_ap,bbox_ap_std\nPaper,novel,1,30.5,1.5\n"


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    for number, (shots, seed) in enumerate([(1, 33), (1, 42), (5, 33), (5, 42)]):
        run = tmp_path / "sweep" / str(number)
        (run / ".hydra").mkdir(parents=True)
        options = {"name": "table", "shots": shots, "seed": seed, "split": "novel"}
        (run / ".hydra" / "config.yaml").write_text(yaml.safe_dump(options))
        if number < 3:
            (run / "metrics.json").write_text(json.dumps({"bbox": {"AP": 0.30 + 0.02 * number, "AP50": 0.5}}))
    return tmp_path / "sweep"


def report(*arguments: object) -> int:
    words = ["report", *map(str, arguments)]
    assert is_command(words)
    return run_command(words, Path("conf"))


def test_a_sweep_becomes_tables_and_a_plot(sweep: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    published = tmp_path / "published.csv"
    published.write_text(PUBLISHED)
    out = tmp_path / "out" / "report"
    assert report(sweep, "--published", published, "--out", out) == 0
    names = {"ap.md", "ap.tex", "ap.csv", "ap.png", "ap.svg", "ap.pdf", "points.csv"}
    assert {path.name for path in out.iterdir()} == names
    assert "| novel | 1 | 2 | 31.0 ± 1.4 | 30.5 ± 1.5 | +0.5 |" in (out / "ap.md").read_text()
    printed = capsys.readouterr().out
    assert "sample standard deviation (n - 1)" in printed
    assert "novel, 5-shot, seed 42: no metrics.json" in printed


def test_another_figure_stands_beside_the_first(sweep: Path) -> None:
    assert report(sweep) == 0
    assert report(sweep, "--figure", "AP50") == 0
    names = {path.name for path in (sweep / "report").iterdir()}
    assert {"ap.md", "ap50.md", "ap.png", "ap50.png"} <= names
    assert "50.0" in (sweep / "report" / "ap50.md").read_text()


def test_published_figures_of_another_split_are_refused(sweep: Path, tmp_path: Path) -> None:
    published = tmp_path / "published.csv"
    published.write_text(PUBLISHED.replace("novel", "base"))
    with pytest.raises(InputError, match="of split base, the sweep of novel"):
        report(sweep, "--published", published)


def test_published_figures_are_of_the_sweeps_dataset_and_say_their_kind(sweep: Path, tmp_path: Path) -> None:
    for config in sweep.glob("*/.hydra/config.yaml"):
        config.write_text(config.read_text() + "dataset: {name: FISH}\n")
    published = tmp_path / "published.csv"
    published.write_text(
        "method,kind,dataset,split,shots,bbox_ap\nPaper,sam-only,UODD,novel,1,9.0\nPaper,sam-only,FISH,novel,1,30.5\n"
        "Tuned,fine-tuned,FISH,novel,1,20.3\n"
    )
    assert report(sweep, "--published", published) == 0
    page = (sweep / "report" / "ap.md").read_text()
    assert "| novel | 1 | 2 | 31.0 ± 1.4 | 30.5 | +0.5 | 20.3 | +10.7 |" in page
    assert "- training-free, proposals of an unchanged SAM: Paper" in page
    assert "- fine-tuned on the references: Tuned" in page
    published.write_text(published.read_text().replace("FISH", "DIOR"))
    with pytest.raises(InputError, match="of dataset UODD, DIOR, the sweep of FISH"):
        report(sweep, "--published", published)


def test_a_folder_that_cannot_be_written_is_one_sentence(sweep: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        report(sweep, "--out", tmp_path / "file" / "below")
