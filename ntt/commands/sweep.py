"""``ntt sweep``: submit a sweep and leave, look after it, resume it."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from ntt.cluster.status import read_status, status_table
from ntt.cluster.sweep import compose_sweep, resume, run_here, submit_points
from ntt.composition.quoting import as_text
from ntt.config import user_path
from ntt.errors import InputError
from ntt.screen.tables import show_table
from ntt.sweeps.points import read_points


def run(arguments: list[str], conf: Path) -> int:
    """See the parser's help; returns the exit code."""
    given = _parser().parse_args(arguments)
    if given.action == "submit":
        root = compose_sweep(_with_own_folder(given), conf)
        submission = submit_points(root, read_points(root))
        print(f"{len(submission.points)} points submitted to {submission.launcher} ({submission.job}): {root}")
        print(f"look at them with: ntt sweep status {shlex.quote(str(root))}")
        return 0
    root = user_path(given.folder)
    if given.action == "resume":
        again = resume(root)
        print(f"{len(again.points)} points submitted to {again.launcher} ({again.job})" if again else "nothing to do")
        return 0
    if given.action == "run":
        return run_here(root, given.points)
    points = read_status(root)
    show_table(status_table(str(root), points))
    states = [one.state for one in points]
    print(", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states)))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ntt sweep", description="Sweeps that run while nobody waits.")
    actions = parser.add_subparsers(dest="action", required=True, metavar="submit | status | resume | run")
    submit = actions.add_parser("submit", help="pin every point's config, submit the points and the report, and leave")
    submit.add_argument(
        "overrides",
        nargs="+",
        metavar="OVERRIDE",
        help="as of a run with -m: +experiment=coco_30shot shots=1,5 seed=33,42 hydra/launcher=slurm",
    )
    submit.add_argument("--config-dir", metavar="DIR", help="a folder of your own configs, beside those of ntt")
    for name, text in (
        ("status", "table of the points: state, host, progress, metrics"),
        ("resume", "submit what is missing, with the configs of the first submission"),
        ("run", "run what is missing on this machine and wait for it"),
    ):
        action = actions.add_parser(name, help=text)
        action.add_argument("folder", metavar="DIR", help="of the sweep: outputs/NAME/multirun/DATE")
        if name == "run":
            action.add_argument("--points", type=_numbers, metavar="0,3", help="only these (all that are missing)")
    return parser


def _with_own_folder(given: argparse.Namespace) -> list[str]:
    if given.config_dir is None:
        return list(given.overrides)
    folder = user_path(given.config_dir)
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder (--config-dir).")
    return [f"hydra.searchpath=[{as_text(f'file://{folder.absolute()}')}]", *given.overrides]


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",")]
