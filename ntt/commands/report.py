"""``ntt report``: a sweep as tables and a plot."""

from __future__ import annotations

import argparse
import logging
from dataclasses import replace
from pathlib import Path

from ntt.compute.home import shortened
from ntt.config import user_path
from ntt.errors import InputError
from ntt.reporting.tables import PSEUDO
from ntt.screen.tables import show_table
from ntt.store.files import write_atomically
from ntt.sweeps import tables as sweep_tables
from ntt.sweeps.collect import Sweep, collect, row_name
from ntt.sweeps.published import KINDS, Published, methods, methods_by_kind, read_published, with_shots
from ntt.sweeps.summary import FIGURES, MEAN, missing_points, summarise, summarised_tasks, swept_task_name

log = logging.getLogger(__name__)


def run(arguments: list[str], _conf: Path) -> int:
    """See the parser's help; returns the exit code."""
    given = _parser().parse_args(arguments)
    folders = [user_path(folder) for folder in given.folders]
    sweep = collect(folders)
    published = read_published(user_path(given.published), given.figure) if given.published else []
    out = user_path(given.out) if given.out else folders[0] / "report"
    _write(sweep, published, given.figure, out)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ntt report",
        description="Mean and deviation over the seeds of a sweep, per split and shot count: tables on the screen, "
        "and as CSV, Markdown, LaTeX, PNG, SVG and PDF.",
    )
    parser.add_argument("folders", nargs="+", metavar="DIR", help="sweeps (outputs/NAME/multirun/DATE) or single runs")
    parser.add_argument("--published", metavar="CSV", help="published figures to set beside ours, with the difference")
    parser.add_argument("--figure", choices=FIGURES, default="AP", metavar="AP50", help=", ".join(FIGURES) + " (AP)")
    parser.add_argument("--out", metavar="DIR", help="folder to write to (report/ in the first DIR)")
    return parser


def _write(sweep: Sweep, published: list[Published], figure: str, out: Path) -> None:
    splits = {point.split for point in sweep.points}
    if sweep.several:
        published = [_in_a_row(other) for other in published]
    here = [other for other in published if other.dataset in ("", sweep.dataset)]
    if published and not here:
        theirs = ", ".join(dict.fromkeys(other.dataset for other in published))
        raise InputError(f"The published figures are of dataset {theirs}, the sweep of {sweep.dataset}.")
    wanted = splits | {MEAN} if len(splits) > 1 else splits
    beside = [other for other in here if other.split in wanted]
    if published and not beside:
        theirs = ", ".join(dict.fromkeys(other.split for other in here))
        raise InputError(f"The published figures are of split {theirs}, the sweep of {', '.join(sorted(splits))}.")
    names = methods(with_shots(beside))
    summary = {swept_task_name(sweep, task): summarise(sweep, task, figure, beside) for task in summarised_tasks(sweep)}
    remarks = _remarks(sweep, figure, beside)
    stem = figure.lower()
    title = ", ".join(sweep.names)
    pages = {
        f"{stem}.md": sweep_tables.markdown(title, figure, summary, names, remarks, f"{stem}.png"),
        f"{stem}.tex": sweep_tables.latex(figure, summary, names, remarks),
        f"{stem}.csv": sweep_tables.csv_table(figure, summary, names),
        "points.csv": sweep_tables.csv_points(sweep, FIGURES),
    }
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, page in pages.items():
            write_atomically(out / name, shortened(page).encode())
        from ntt.sweeps.plot import draw_sweep  # matplotlib takes a second to import

        draw_sweep(summary, figure, beside, [out / f"{stem}.{kind}" for kind in ("png", "svg", "pdf")])
    except OSError as error:
        raise InputError(f"{out} cannot be written ({error.strerror}): give another folder with --out.") from error
    for task, rows in summary.items():
        show_table(sweep_tables.screen_table(task, figure, rows, names))
    print("\n\n".join(remarks))
    log.info("wrote %s and %s to %s", ", ".join(pages), f"{stem}.png, .svg, .pdf", out)


def _in_a_row(other: Published) -> Published:
    """A published figure as one of a sweep over several datasets has it: by its dataset, or the mean over these."""
    split = MEAN if other.dataset == MEAN else row_name(other.dataset, other.split)
    return replace(other, dataset="", split=split)


def _remarks(sweep: Sweep, figure: str, published: list[Published]) -> list[str]:
    """What a reader of the table must know, a paragraph each."""
    remarks = [sweep_tables.DEVIATION]
    if any(other.std is not None for other in published):
        remarks.append(sweep_tables.PUBLISHED_DEVIATION)
    if overall := [other for other in published if not other.shots]:
        figures = [f"- {other.method}, {other.split}: {other.task} {figure} {other.mean:.1f}" for other in overall]
        remarks.append("\n".join(["Published without a shot count, or as a mean over several:", "", *figures]))
    if kinds := methods_by_kind(published):
        remarks.append("\n".join(["Published:", "", *(f"- {KINDS[k]}: {', '.join(v)}" for k, v in kinds.items())]))
    if any(name.endswith(PSEUDO) for name in (swept_task_name(sweep, task) for task in summarised_tasks(sweep))):
        remarks.append(sweep_tables.PSEUDO_TRUTH)
    if missing := missing_points(sweep, figure):
        remarks.append("\n".join([sweep_tables.INCOMPLETE, "", *(f"- {line}" for line in missing)]))
    return remarks + sweep.notes
