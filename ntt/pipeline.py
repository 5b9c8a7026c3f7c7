"""The method's table of contents: six stages, each a pure function of the ones before.

annotations --references--> chosen objects --memory--> prototypes --+
                                                                    +--match--> predictions --evaluate--> report
images -----proposals----> masks, boxes, vectors, overlaps ---------+
"""

from __future__ import annotations

import logging
import time
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from hydra.utils import get_class
from omegaconf import DictConfig, OmegaConf

from ntt.config import STAGES, RunConfig
from ntt.processes.ranks import current_rank
from ntt.processes.records import failures, record, wait_for_others
from ntt.stages.inputs import check_files, check_weights
from ntt.stages.workspace import Workspace
from ntt.store.artifacts import Artifact, fingerprint
from ntt.store.files import write_json
from ntt.sweeps.points import point_of
from ntt.tracking.trackers import Tracker

log = logging.getLogger(__name__)


def run_pipeline(config: RunConfig, composed: DictConfig, directory: Path) -> float | None:
    """Run the wanted stages in the method's order.

    Args:
        config: the validated run.
        composed: the same as Hydra composed it, for the tracker's record.
        directory: the run's own folder: the log, timings.json, ranks/, and copies of the results.

    Returns:
        segm AP as a fraction (bbox AP where the truth has no masks), or None when the run does not evaluate.

    Raises:
        InputError: something the user gave cannot be used.
    """
    check_files(config)
    rank = current_rank()
    work = Workspace(config, directory, rank)
    if rank.first:
        for note in work.inputs.notes():
            log.warning("%s", note)
    check_weights(config)
    if not rank.first:
        _run_helper(work)
        return None
    tracker = _start_tracker(config, composed, directory)
    outcomes: dict[str, dict[str, Any]] = {}
    metrics, exit_code = None, 1
    record(rank, directory, "running", outcomes)
    try:
        for name in STAGES:
            if name in config.stages:
                outcomes[name] = _run_stage(name, work)
                tracker.stage(name, outcomes[name]["seconds"], outcomes[name])
                write_json(directory / "timings.json", outcomes, durable=False)
                record(rank, directory, "running", outcomes)
        if "evaluate" in config.stages and work.inputs.has_truth:
            metrics = import_module("ntt.stages.evaluate").load(work)
            tracker.metrics(metrics)
        if "report" in config.stages:
            tracker.pictures(import_module("ntt.stages.report").pictures(work))
        exit_code = 0
    except Exception as error:
        record(rank, directory, "failed", outcomes, f"{type(error).__name__}: {error}")
        raise
    finally:
        work.digests.save()
        tracker.finish(exit_code)
    record(rank, directory, "done", outcomes)
    wait_for_others(rank, directory, config.store.lease_seconds)
    if failed := failures(directory):
        told = "; ".join(f"rank {number}: {error}" for number, error in failed.items())
        raise RuntimeError(f"The results in {directory} are complete, but other processes of this run failed: {told}")
    log.info("results in %s", directory)
    return objective(metrics) if metrics else None


def _run_helper(work: Workspace) -> None:
    """What every process but the first does."""
    outcomes: dict[str, dict[str, Any]] = {}
    record(work.rank, work.directory, "running", outcomes)
    try:
        for name in _shared_stages(work.config):
            outcomes[name] = _run_stage(name, work)
    except Exception as error:
        record(work.rank, work.directory, "failed", outcomes, f"{type(error).__name__}: {error}")
        raise
    record(work.rank, work.directory, "done", outcomes)


def _shared_stages(config: RunConfig) -> list[str]:
    """What every process of a run takes a share of: the proposals, and what these depend on."""
    shared = {"proposals"} if config.proposals.resemblance is None else {"references", "memory", "proposals"}
    return [name for name in STAGES if name in config.stages and name in shared]


def _start_tracker(config: RunConfig, composed: DictConfig, directory: Path) -> Tracker:
    options = dict(config.tracking)
    tracker: Tracker = get_class(options.pop("_target_"))(**options)
    resolved = OmegaConf.to_container(composed, resolve=True)
    assert isinstance(resolved, dict)
    name, group = tracked_as(config, directory)
    tracker.start(
        {str(key): value for key, value in resolved.items()},
        name=name,
        group=group,
        directory=directory,
        identity=fingerprint(resolved),
    )
    return tracker


def objective(metrics: dict[str, Any]) -> float | None:
    """What a sweeper would maximise; COCO's -1 means that there was nothing to measure."""
    figures = [metrics[task]["AP"] for task in ("segm", "bbox")]
    return next((ap for ap in figures if ap >= 0), None)


def _run_stage(name: str, work: Workspace) -> dict[str, Any]:
    """Run one stage; log what it found or made and how long it took."""
    started = time.perf_counter()
    if name == "evaluate" and not work.inputs.has_truth:
        outcome: dict[str, Any] = {"skipped": "the targets have no ground truth"}
    else:
        # Imported here: torch and the networks take seconds that a missing file should not cost.
        stage = import_module(f"ntt.stages.{name}")
        outcome = stage.run(work) if hasattr(stage, "run") else _find_or_make(stage, work)
        if hasattr(stage, "publish"):
            stage.publish(work)
    outcome["seconds"] = round(time.perf_counter() - started, 3)
    log.info("%s: %s", name, ", ".join(f"{key} {value}" for key, value in outcome.items()))
    return outcome


def _find_or_make(stage: ModuleType, work: Workspace) -> dict[str, Any]:
    """The usual life of a stage with one artifact: found whole, or computed."""
    artifact = stage.artifact(work)
    missing, _ = work.store.missing([artifact])
    outcome: dict[str, Any] = {"found": artifact.key}

    def make(_: Artifact) -> None:
        nonlocal outcome
        with artifact.writing() as folder:
            outcome = {"made": artifact.key, **stage.make(work, folder)}

    work.store.obtain(missing, make)
    return outcome


def tracked_as(config: RunConfig, directory: Path) -> tuple[str, str]:
    """The run's name and group for the tracker: the points of a sweep share a group, however they were launched."""
    found = point_of(directory)
    if found:
        root, point = found
        values = "".join(f" {key}={value}" for key, value in point.swept.items())
        return f"{config.name}/{point.number}{values}", f"{config.name}/{root.name}"
    hydra = HydraConfig.get()
    name = f"{config.name}/{directory.name}"
    # A sweeper that chooses its points as it goes has none in the folder.
    return name, f"{config.name}/{Path(hydra.sweep.dir).name}" if hydra.mode == RunMode.MULTIRUN else config.name
