"""``python -m experiments.reviewers [OPTION=VALUE ...]``: every variant of every question, and one document of all."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from ntt.config import read_config
from ntt.errors import InputError
from ntt.foreign.documents import read_object
from ntt.reporting.tables import percent
from ntt.run import conf_folder
from ntt.store.artifacts import MADE_AGAIN
from ntt.store.files import write_atomically

HERE = Path(__file__).resolve().parent
TASKS = ("bbox", "segm")
log = logging.getLogger(__name__)
Figures = dict[str, float]


@dataclass(frozen=True)
class Row:
    """A variant: AP by task as fractions, or why there are none."""

    name: str
    options: str
    figures: Figures
    reason: str = ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run all; returns the exit code: 1 where the baseline itself could not be run."""
    given = _parser().parse_args(arguments)
    asked: Any = OmegaConf.to_container(OmegaConf.load(given.questions or HERE / "questions.yaml"))
    options = [*asked["baseline"], *given.options, "report.pictures=0", f"store.root={given.out / 'store'}"]
    options += ["tracking=none"]
    try:
        baseline = Row("baseline", " ".join(asked["baseline"]), run(options, given.out / "baseline"))
    except InputError as error:
        print(error, file=sys.stderr)
        return 1
    sections = []
    for number, question in enumerate(asked["questions"], start=1):
        if given.only and number not in given.only:
            continue
        rows = [
            variant_row(variant, options, given.out / f"{number}_{place}")
            for place, variant in enumerate(question["variants"], start=1)
        ]
        sections.append((question, rows))
        # Whoever stops it keeps what there is.
        page = document(baseline, [*asked["baseline"], *given.options], sections)
        write_atomically(given.out / "reviewers.md", page.encode())
    print(given.out / "reviewers.md")
    return 0


def variant_row(variant: dict[str, Any], options: list[str], folder: Path) -> Row:
    """The figures of a variant; a missing checkpoint costs its own row alone."""
    degraded = {key: float(variant[key]) for key in ("occlude", "blur") if key in variant}
    told = " ".join(variant.get("options", [])) or ", ".join(f"{key} {value:g}" for key, value in degraded.items())
    own = [*options, *variant.get("options", [])]
    try:
        if degraded:
            own += _degraded(options, folder, degraded)
        return Row(variant["name"], told, run(own, folder))
    except InputError as error:
        log.warning("%s: %s", variant["name"], error)
        return Row(variant["name"], told, {}, str(error).partition(":")[0])


def run(options: list[str], folder: Path) -> Figures:
    """AP by task of a run, or of one that has run there before with the same options."""
    from ntt.pipeline import run_pipeline

    composed = _composed(options)
    folder.mkdir(parents=True, exist_ok=True)
    run_pipeline(read_config(composed), composed, folder)
    metrics = read_object(folder / "metrics.json", MADE_AGAIN)
    return {task: metrics[task]["AP"] for task in TASKS if task in metrics}


def _degraded(options: list[str], folder: Path, how: dict[str, float]) -> list[str]:
    from experiments.reviewers.degrading import write_degraded
    from ntt.processes.ranks import current_rank
    from ntt.stages.workspace import Workspace

    # The baseline's references were drawn before.
    work = Workspace(read_config(_composed(options)), folder, current_rank())
    return write_degraded(work, folder.resolve() / "references", **how)


def _composed(options: list[str]) -> DictConfig:
    with initialize_config_dir(str(conf_folder().resolve()), version_base="1.3"):
        return compose("config", overrides=options)


def document(baseline: Row, options: list[str], sections: Sequence[tuple[dict[str, Any], Sequence[Row]]]) -> str:
    """The page: a table a question, each with the baseline and the difference to it in points."""
    parts = [
        "# What the reviewers asked",
        f"Baseline: `{' '.join(options)}`. AP in percent; in brackets the difference.",
    ]
    for question, rows in sections:
        lines = ["| | options | bbox AP | segm AP |", "| --- | --- | ---: | ---: |"]
        lines += [_line(row, baseline) for row in (baseline, *rows)]
        missing = [f"- {row.name} was not run: {row.reason}." for row in rows if row.reason]
        parts += [
            f"## {question['title']}",
            question["asks"],
            "\n".join(lines),
            *(["\n".join(missing)] if missing else []),
        ]
    return "\n\n".join(parts) + "\n"


def _line(row: Row, baseline: Row) -> str:
    cells = [_cell(row.figures.get(task, -1), baseline.figures.get(task, -1), row is baseline) for task in TASKS]
    return f"| {row.name} | {'' if row is baseline else f'`{row.options}`'} | {' | '.join(cells)} |"


def _cell(value: float, reference: float, alone: bool) -> str:
    if alone or value < 0 or reference < 0:
        return percent(value)
    points = round(100 * (value - reference), 1)
    return f"{percent(value)} ({f'{points:+.1f}' if points else '0.0'})"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m experiments.reviewers", description=__doc__)
    parser.add_argument(
        "options", nargs="*", metavar="OPTION=VALUE", help="of every run, such as dataset.root=/data/coco"
    )
    parser.add_argument("--questions", type=Path, help="another list than questions.yaml, such as demo.yaml beside it")
    parser.add_argument("--only", type=int, nargs="+", metavar="N", help="some of the questions, counted from 1")
    parser.add_argument("--out", type=Path, default=Path("outputs/reviewers"), help="for the runs and reviewers.md")
    return parser


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    sys.exit(main())
