"""`-m hydra/launcher=slurm`: submitit's launcher, whose jobs are known to `ntt sweep`, also when nobody waits any more.

Hydra imports every plugin at every start, so what takes time is imported only when a sweep is launched.
"""

from __future__ import annotations

import logging
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from hydra.core.utils import JobReturn
from hydra_plugins.hydra_submitit_launcher.submitit_launcher import SlurmLauncher as SubmititLauncher

log = logging.getLogger(__name__)


class SlurmLauncher(SubmititLauncher):
    """One job per point in an array; waits for them. Takes what conf/hydra/launcher/slurm.yaml has."""

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Submit one batch of points and wait; whoever stops waiting learns what goes on, and how to end it.

        Raises:
            InputError: the sweep's folder has a name that SLURM would change.
        """
        from ntt.cluster.waiting import submitted_jobs
        from ntt.errors import InputError
        from ntt.processes.signals import go_on_after

        assert self.config is not None
        root = Path(str(self.config.hydra.sweep.dir)).absolute()
        if "%" in str(root) or "\\" in str(root):
            raise InputError(
                f"{root} has a % or a backslash, which SLURM expands in names of logs: set hydra.sweep.dir to another "
                "folder, or use `ntt sweep submit`."
            )
        numbers = list(range(initial_job_idx, initial_job_idx + len(job_overrides)))
        with submitted_jobs(root, numbers) as job:
            try:
                return list(super().launch(job_overrides, initial_job_idx))
            except KeyboardInterrupt as error:
                if job and not _ended(job[0]):
                    go_on_after(error, _what_goes_on(root, job[0]))
                raise


def _what_goes_on(root: Path, job: str) -> str:
    status = f"ntt sweep status {shlex.quote(str(root))}"
    return f"SLURM's job {job} still runs: `scancel {job}` ends it, `{status}` shows it"


def _ended(job: str) -> bool:
    """Ask, where somebody can answer, whether the jobs are to end too."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    print(f"\nEnd SLURM's job {job}, too? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        return False
    return subprocess.run(["scancel", job], check=False).returncode == 0
