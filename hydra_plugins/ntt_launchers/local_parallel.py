"""`hydra/launcher=local_parallel`: the points of a sweep side by side on this machine.

Hydra's own launcher runs one point after the other; submitit's local one starts all at once and shows each the same
GPUs. Hydra imports every plugin at every start, so what takes time is imported only when a sweep is launched.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

if TYPE_CHECKING:
    from ntt.sweeps.points import Point


class LocalParallelLauncher(Launcher):
    """Runs each point as a process of its own, each on its GPU or its share of the cores.

    Args:
        n_jobs: points at the same time; None: one per GPU, or without GPUs one per four cores.
    """

    def __init__(self, n_jobs: int | None) -> None:
        self._n_jobs = n_jobs
        self._context: HydraContext | None = None
        self._config: DictConfig | None = None

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Called by Hydra; the task runs in processes of its own, as `python -m ntt.run`."""
        del task_function
        self._context, self._config = hydra_context, config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run one batch of points; all of them run, then Hydra raises the error of the first that failed."""
        from hydra.core.utils import configure_log

        from ntt.cluster.local import log_outcome, plan_slots, run_points, visible_gpus
        from ntt.sweeps.points import pin

        assert self._context is not None
        assert self._config is not None
        configure_log(self._config.hydra.hydra_logging, self._config.hydra.verbose)
        points = pin(self._context.config_loader, self._config, job_overrides, initial_job_idx)
        codes = run_points(points, plan_slots(self._n_jobs, visible_gpus()), log_outcome)
        return [
            _outcome(point, codes[point.number], overrides)
            for point, overrides in zip(points, job_overrides, strict=True)
        ]


def _outcome(point: Point, code: int, overrides: Sequence[str]) -> JobReturn:
    from ntt.cluster.local import CONSOLE
    from ntt.errors import InputError
    from ntt.foreign.documents import read_object
    from ntt.pipeline import objective

    outcome = JobReturn(overrides=overrides, working_dir=str(point.directory))
    if code:
        outcome.status = JobStatus.FAILED
        outcome.return_value = InputError(
            f"Point {point.number} of the sweep failed with exit code {code}: see {point.directory / CONSOLE}; "
            f"`ntt sweep resume {point.file.parent.parent}` runs what is missing."
        )
    else:
        outcome.status = JobStatus.COMPLETED
        file = point.directory / "metrics.json"
        way_out = f"remove {point.directory} and resume the sweep"
        outcome.return_value = objective(read_object(file, way_out)) if file.exists() else None
    return outcome
