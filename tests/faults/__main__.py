"""Try all bad inputs and play every fault that can be played here, and print both tables: `make faults`.

Exit code 1 when an input is not answered as it should be, or results differ from undisturbed ones.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence

from real_slurm import free_ports, reason_against, running_slurm
from rich.console import Console
from rich.table import Table
from rich.text import Text

from faults import cluster, files, inputs, networks, signals, system, workers
from faults.scene import SHARDS, Case, Outcome, Scene, prepared

# Where rows are registered: a module of cases, each a function with its row's name as docstring.
CASES: list[Case] = [*workers.CASES, *signals.CASES, *system.CASES, *files.CASES, *networks.CASES]
NEEDING_ROOT: list[Case] = [*workers.NEEDING_ROOT, *system.NEEDING_ROOT]
ON_SLURM: list[Case] = [*cluster.CASES]


def play(scene: Scene, cases: Sequence[Case], table: Table) -> bool:
    """Add a row per case; returns whether all came out as undisturbed."""
    good = True
    for case in cases:
        began = time.monotonic()
        try:
            outcome = case(scene, scene.folder(case.__name__))
        except (OSError, subprocess.SubprocessError, AssertionError) as error:
            outcome = Outcome(f"{type(error).__name__}: {error}", [], same=False)
        counts = " + ".join(map(str, outcome.begun))
        verdict = Text("identical", "green") if outcome.same else Text("DIFFERENT", "red")
        took = f"{time.monotonic() - began:.0f} s"
        table.add_row(Text(str(case.__doc__)), Text(outcome.ended), counts, took, verdict)
        print(f"{case.__doc__}: {outcome.ended}, {verdict}", file=sys.stderr, flush=True)
        good &= outcome.same
    return good


def main(words: Sequence[str]) -> int:
    """Those cases whose names have one of the words in them, `inputs` for the bad inputs; all without words."""

    def wanted(cases: Sequence[Case]) -> list[Case]:
        return [case for case in cases if not words or any(word in case.__name__ for word in words)]

    table = Table(title=f"Faults ({SHARDS} shards of proposals)", title_justify="left", show_lines=True)
    for name in ("disturbance", "ended with", "begun by each process", "took", "results"):
        table.add_column(name, overflow="fold")
    root = os.geteuid() == 0
    inputs_good = True
    if not words or "inputs" in words:
        inputs_table, inputs_good = inputs.catalogue()
        Console(width=190).print(inputs_table)
    plain, on_slurm = wanted([*CASES, *(NEEDING_ROOT if root else [])]), wanted(ON_SLURM)
    reason = reason_against() if on_slurm else None
    if not plain and not on_slurm:
        return 0 if inputs_good else 1
    if reason or not on_slurm:
        with prepared(None) as scene:
            good = play(scene, plain, table)
    else:
        with running_slurm(port=free_ports()) as slurm, prepared(slurm) as scene:
            good = play(scene, [*plain, *on_slurm], table)
    Console(width=150).print(table)
    if reason:
        print(f"without the {len(on_slurm)} cases on SLURM: {reason}")
    if not root:
        print(f"without the {len(NEEDING_ROOT)} cases that mount something, which needs root")
    return 0 if good and inputs_good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
