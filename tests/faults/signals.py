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
        options = _asking_for(scene, cwd, stage)
        if options:  # it has results of its own
            whole = ntt(*scene.options, *options, "hydra.run.dir=whole", "store.root=another", cwd=cwd)
            assert whole.returncode == 0, whole.stderr
        expected = cwd / "whole" if options else scene.undisturbed
        run = scene.start(cwd, "a", *options, seconds=3, stage=stage)
        wait_for_shard(cwd, run.pid)
        run.send_signal(number)
        ended = ending(run)
        record = json.loads((cwd / "a" / "ranks" / "0.json").read_bytes())["state"]
        again = ntt(*scene.options, *options, "hydra.run.dir=a", cwd=cwd)
        good = run.returncode == 128 + number and record == "stopped" and again.returncode == 0
        same = good and scene.same(cwd / "a", as_in=expected)
        return Outcome(f"{ended}, {record}; again {again.returncode}", begun(cwd), same)

    case.__doc__ = f"{number.name} in stage {stage}"
    case.__name__ = f"{number.name}_{stage}"
    return case


def _asking_for(scene: Scene, cwd: Path, stage: str) -> list[str]:
    """Options without which a run has nothing to do in a stage."""
    if stage == "export":
        return ["stages=[references,prompt,memory,proposals,match,export,evaluate,report]"]
    if stage != "prompt":
        return []
    described = json.loads((scene.root / "coco/annotations/instances_train2017.json").read_bytes())
    for annotation in described["annotations"]:
        del annotation["segmentation"]
    (cwd / "boxes.json").write_text(json.dumps(described))
    return [f"dataset.references={cwd / 'boxes.json'}"]


CASES: list[Case] = [
    _interrupted(number, stage) for number in (signal.SIGINT, signal.SIGTERM) for stage in STAGES if stage != "truth"
]
