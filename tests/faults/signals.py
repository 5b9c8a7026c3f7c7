"""SIGINT and SIGTERM in every stage: the run ends at once, says so, and is continued by the same command."""

from __future__ import annotations

import json
import signal
from pathlib import Path

from command_line import ntt

from faults.scene import Case, Outcome, Scene, begun, ending, wait_for_shard
from ntt.pipeline import STAGES


def _interrupted(number: signal.Signals, stage: str) -> Case:
    def case(scene: Scene, cwd: Path) -> Outcome:
        run = scene.start(cwd, "a", seconds=3, stage=stage)
        wait_for_shard(cwd, run.pid)
        run.send_signal(number)
        ended = ending(run)
        record = json.loads((cwd / "a" / "ranks" / "0.json").read_bytes())["state"]
        again = ntt(*scene.options, "hydra.run.dir=a", cwd=cwd)
        good = run.returncode == 128 + number and record == "stopped" and again.returncode == 0
        return Outcome(f"{ended}, {record}; again {again.returncode}", begun(cwd), good and scene.same(cwd / "a"))

    case.__doc__ = f"{number.name} in stage {stage}"
    case.__name__ = f"{number.name}_{stage}"
    return case


CASES: list[Case] = [_interrupted(number, stage) for number in (signal.SIGINT, signal.SIGTERM) for stage in STAGES]
