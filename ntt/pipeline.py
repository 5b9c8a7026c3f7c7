"""The method's table of contents: the stages in order, each a pure function of the ones before.

annotations --references--> chosen objects --memory--> prototypes --+
                                                                    +--match--> predictions --evaluate--> report
images -----proposals----> masks, boxes, vectors, overlaps ---------+
"""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from hydra.utils import get_class
from omegaconf import DictConfig, OmegaConf

from ntt.compute.home import without_home
from ntt.config import RunConfig
from ntt.errors import InputError
from ntt.processes.participation import taking_part
from ntt.processes.ranks import current_rank
from ntt.processes.records import record
from ntt.reporting.tables import in_order
from ntt.stages import fitted, references
from ntt.stages.inputs import check_files, check_weights
from ntt.stages.remarks import remarks
from ntt.stages.stage import Outcome, Stage, Stages
from ntt.stages.workspace import Workspace
from ntt.store.artifacts import fingerprint
from ntt.store.files import write_json
from ntt.sweeps.points import point_of
from ntt.tracking.trackers import Tracker

log = logging.getLogger(__name__)

STAGES = {
    "references": "ntt.stages.references.References",  # which objects are the examples
    "prompt": "ntt.stages.prompt.Prompt",  # masks of examples that have boxes or clicks only
    "memory": "ntt.stages.memory.Memory",  # prototypes of each class
    "proposals": "ntt.stages.proposals.Proposals",  # masks, boxes, vectors and overlaps of every target image
    "match": "ntt.stages.match.Match",  # a class and a score for each proposal
    "export": "ntt.stages.export.Export",  # detections.json, and the files of other programs
    "truth": "ntt.stages.truth.Truth",  # masks of ground truth that has boxes only
    "evaluate": "ntt.stages.evaluate.Evaluate",  # COCO's figures, or another protocol's
    "report": "ntt.stages.report.Report",  # what people look at
}


def run_pipeline(config: RunConfig, composed: DictConfig, directory: Path) -> float | None:
    """Run the wanted stages in the method's order.

    Args:
        config: the validated run.
        composed: the same as Hydra composed it, for the tracker's record.
        directory: the run's own folder: the log, timings.json, ranks/, and copies of the results.

    Returns:
        segm AP as a fraction (bbox AP where the truth has no masks of its own), or None when the run does not evaluate.

    Raises:
        InputError: something the user gave cannot be used.
    """
    rank = current_rank()
    outcomes: dict[str, dict[str, Any]] = {}
    metrics = None
    with taking_part(rank, directory, outcomes, config.store.lease_seconds):
        check_files(config)
        work = Workspace(config, directory, rank)
        if rank.first:
            given = HydraConfig.get().overrides.task if HydraConfig.initialized() else []
            for note in [*work.inputs.notes(), *remarks(config, work.inputs, given)]:
                log.warning("%s", note)
        references.foresee(work)
        fitted.foresee(work)
        check_weights(config)
        work.stages = open_stages(config)
        for sentence in fitted.remarks(work) if rank.first else []:
            log.warning("%s", sentence)
        if rank.first:
            metrics = _run_first(work, composed, outcomes)
        else:
            _run_helper(work, outcomes)
    if rank.first:
        from ntt.stages import left_out  # with torch, which errors in the config or the data should not wait for

        for sentence in left_out.sentences(work):
            log.warning("%s", sentence)
        log.info("results in %s", directory)
    return objective(metrics) if metrics else None


def _run_first(work: Workspace, composed: DictConfig, outcomes: dict[str, dict[str, Any]]) -> dict[str, Any] | None:
    """What the first process does: all stages. Returns the metrics, None where nothing is evaluated."""
    config, directory = work.config, work.directory
    tracker = _start_tracker(config, composed, directory)
    metrics, exit_code = None, 1
    try:
        for stage in work.stages.listed:
            outcome = outcomes[stage.name] = _run_stage(stage, work)
            tracker.stage(stage.name, outcome["seconds"], outcome)
            write_json(directory / "timings.json", without_home(outcomes), durable=False)
            record(work.rank, directory, "running", outcomes)
        metrics = _report_to(tracker, work)
        exit_code = 0
    finally:
        _save_caches(work)
        tracker.finish(exit_code)
    return metrics


def _save_caches(work: Workspace) -> None:
    """Where they cannot be kept the next run reads more files, and this one is none the worse."""
    for cache in (work.digests, work.sources):
        try:
            cache.save()
        except OSError as error:
            log.warning("what was learnt of files could not be kept for the next run (%s)", error)


def _run_helper(work: Workspace, outcomes: dict[str, dict[str, Any]]) -> None:
    """What every process but the first does."""
    for stage in work.stages.helped(work.config):
        outcomes[stage.name] = _run_stage(stage, work)


def open_stages(config: RunConfig) -> Stages:
    """The stages of a run: those of the method in their order, and one's own where they are listed.

    Raises:
        InputError: a stage of one's own cannot be made, or the method's stages are not in order.
    """
    method = {name: _open(target, {}) for name, target in STAGES.items()}
    own = any(not isinstance(entry, str) for entry in config.stages)
    entries = config.stages if own else [name for name in STAGES if name in config.stages]
    names = [entry for entry in entries if isinstance(entry, str)]
    if names != [name for name in STAGES if name in names]:
        raise InputError(f"stages=[{', '.join(names)}] is out of order: {', '.join(STAGES)}.")
    listed = [method[entry] if isinstance(entry, str) else _own(entry) for entry in entries]
    return Stages(listed, list(method.values()))


def _own(entry: dict[str, Any]) -> Stage:
    options = dict(entry)
    target = str(options.pop("_target_"))
    try:
        return _open(target, options)
    except TypeError as error:
        raise InputError(f"stages: {target} cannot be made of these options ({error}).") from error


def _open(target: str, options: dict[str, Any]) -> Stage:
    # Imported here and nowhere else: torch and the networks take seconds that a missing file should not cost.
    stage: Stage = get_class(target)(**options)
    return stage


def _start_tracker(config: RunConfig, composed: DictConfig, directory: Path) -> Tracker:
    options = dict(config.tracking)
    target = options.pop("_target_", None if options else "ntt.tracking.trackers.NoTracker")  # of ~tracking
    if target is None:
        raise InputError("tracking has no _target_: choose tracking=none or tracking=wandb.")
    tracker: Tracker = get_class(str(target))(**options)
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
    """What a sweeper would maximise: a task's first figure, COCO's AP; none that is pseudo, nor -1 for "no value"."""
    tasks = [task for task in ("segm", "bbox") if metrics.get(task) and task not in metrics.get("pseudo", {})]
    figures = [metrics[task][in_order(metrics[task])[0]] for task in tasks]
    return next((figure for figure in figures if figure >= 0), None)


def _run_stage(stage: Stage, work: Workspace) -> Outcome:
    """Run one stage; log what it found or made and how long it took."""
    started = time.perf_counter()
    if reason := stage.skipped(work):
        outcome: Outcome = {"skipped": reason}
    else:
        outcome = stage.run(work)
        stage.publish(work)
    outcome["seconds"] = round(time.perf_counter() - started, 3)
    log.info("%s: %s", stage.name, ", ".join(f"{key} {value}" for key, value in outcome.items()))
    return outcome


def _report_to(tracker: Tracker, work: Workspace) -> dict[str, Any] | None:
    """Tell the tracker figures and pictures; returns the figures."""
    metrics = None
    for stage in work.stages.listed:
        if stage.skipped(work):
            continue
        if figures := stage.metrics(work):
            metrics = figures
            tracker.metrics(figures)
        if pictures := stage.pictures(work):
            tracker.pictures(pictures)
    return metrics


def tracked_as(config: RunConfig, directory: Path) -> tuple[str, str]:
    """The run's name and group for the tracker: the points of a sweep share a group, however they were launched."""
    found = point_of(directory)
    if found:
        root, point = found
        values = "".join(f" {key}={value}" for key, value in point.swept.items())
        return f"{config.name}/{point.number}{values}", f"{config.name}/{root.name}"
    name = f"{config.name}/{directory.name}"
    if not HydraConfig.initialized():  # composed in a notebook
        return name, config.name
    hydra = HydraConfig.get()
    # A sweeper that chooses its points as it goes has none in the folder.
    return name, f"{config.name}/{Path(hydra.sweep.dir).name}" if hydra.mode == RunMode.MULTIRUN else config.name
