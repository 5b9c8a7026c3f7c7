"""The first word of a command line: the verbs, what a bare ``ntt`` says, and a verb that is nearly one."""

from __future__ import annotations

import difflib
import re

from ntt import __version__
from ntt.errors import InputError

VERBS = {
    "demo": "the whole method on drawn scenes: nothing to download",
    "predict": "find and segment objects in images, given a few labelled examples",
    "app": "a local page: click one object, see it found everywhere",
    "check": "look through labels before a run: what is recognised, what is wrong",
    "run": "an experiment, with any option of the config; `ntt +experiment=NAME` is the same",
    "sweep": "submit, watch and resume sweeps on a cluster",
    "ablate": "compare matchers, memories and scores over the same proposals",
    "report": "a sweep as tables and a plot",
    "show": "why objects of a finished run were missed",
    "bench": "measure the plain path and ours side by side",
    "weights": "list, fetch and verify checkpoints",
    "data": "list, fetch and verify datasets",
}

_EXAMPLES = """
ntt demo                                                        see it work, about a minute on a CPU
ntt check refs.json photos/                                     are the labels as they should be?
ntt predict --references refs.json --images photos/ --out found masks, boxes and scores in photos/
ntt run +experiment=coco_30shot dataset.root=/data/coco         the paper's table
ntt run --help                                                  every option of a run
"""

_BARE = re.compile(r"[A-Za-z][\w-]*")
_HELP = (["--help"], ["-h"], ["help"])
_EXPERIMENT = "+experiment="


def answer(arguments: list[str]) -> str | None:
    """What to print for a bare ``ntt``, ``--help`` and ``--version``; None for any other command line."""
    if not arguments or arguments in _HELP:
        return overview()
    return f"ntt {__version__}" if arguments in (["--version"], ["version"]) else None


def overview() -> str:
    """The verbs and examples."""
    width = max(map(len, VERBS))
    return "\n".join(
        [
            f"ntt {__version__}: training-free, reference-based instance segmentation",
            "",
            "Usage: ntt COMMAND ...     (each with --help)",
            "",
            *(f"  {verb.ljust(width)}  {what}" for verb, what in VERBS.items()),
            "",
            "Examples:",
            *(f"  {line}" for line in _EXAMPLES.strip().splitlines()),
        ]
    )


def as_run(arguments: list[str]) -> list[str]:
    """The options that Hydra gets: without the verb `run`, and with the demo's experiment for `demo`.

    Raises:
        InputError: the first word is neither a verb nor an option.
    """
    first, rest = arguments[0], arguments[1:]
    if first == "predict":
        from ntt.commands import predict

        return predict.as_run(rest)
    if first == "run":
        return rest or ["--help"]
    if first == "demo":
        return rest if any(word.startswith(_EXPERIMENT) for word in rest) else [f"{_EXPERIMENT}demo", *rest]
    if _BARE.fullmatch(first):
        close = difflib.get_close_matches(first, VERBS, n=1)
        hint = f"did you mean `ntt {close[0]}`?" if close else f"there are {', '.join(VERBS)}."
        raise InputError(f"{first} is no command of ntt: {hint} Options of a run are written key=value.")
    return arguments
