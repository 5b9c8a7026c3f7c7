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
            except KeyboardInterrupt:
                if job:
                    self._say(root, job[0])
                raise

    def _say(self, root: Path, job: str) -> None:
        """What goes on without us, and how it is ended; on a terminal it is asked."""
        status = f"ntt sweep status {shlex.quote(str(root))}"
        print(
            f"\nntt: nobody waits any more, but SLURM's job {job} goes on. `scancel {job}` ends it, `{status}` shows it.",
            file=sys.stderr,
            flush=True,
        )
        if sys.stdin.isatty() and sys.stderr.isatty():
            print("End it now? [y/N] ", end="", file=sys.stderr, flush=True)
            if sys.stdin.readline().strip().lower() in ("y", "yes"):
                subprocess.run(["scancel", job], check=False)
