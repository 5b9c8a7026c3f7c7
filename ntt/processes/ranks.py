"""Which of a run's processes this is.

`torchrun` and SLURM start several processes of one run and tell each its number. The processes need not talk: they
share the proposals through the store's leases. The first one (rank 0) alone matches, evaluates and reports.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ntt.compute.running import process_identity


@dataclass(frozen=True)
class Rank:
    """This process among the processes of its run.

    Attributes:
        number: 0 to `world - 1`.
        world: how many processes were started.
        local: its number on this host, which picks its GPU.
        launch: names the start that these processes have in common; of a process that was started alone, itself.
    """

    number: int = 0
    world: int = 1
    local: int = 0
    launch: str = field(default="", compare=False)

    @property
    def first(self) -> bool:
        """Whether this process writes what only one may write."""
        return self.number == 0

    def device(self, option: str) -> str:
        """The option for this process's device: `cuda` is a GPU of its own where a run has several processes."""
        if self.world > 1 and option in ("auto", "cuda"):
            import torch

            if torch.cuda.device_count() > 1:
                return f"cuda:{self.local % torch.cuda.device_count()}"
        return option


# (number, world, local) as torchrun, and as SLURM's srun tells them, and what names one start of these processes.
_LAUNCHERS = (
    (
        ("RANK", "WORLD_SIZE", "LOCAL_RANK"),
        ("TORCHELASTIC_RUN_ID", "MASTER_ADDR", "MASTER_PORT", "TORCHELASTIC_RESTART_COUNT"),
    ),
    (
        ("SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID"),
        ("SLURM_CLUSTER_NAME", "SLURM_JOB_ID", "SLURM_STEP_ID", "SLURM_RESTART_COUNT", "SLURM_JOB_START_TIME"),
    ),
)


def current_rank(environment: Mapping[str, str] = os.environ) -> Rank:
    """Read it from the environment; a process that was started alone is rank 0 of 1."""
    for names, launch in _LAUNCHERS:
        values = [environment.get(name, "") for name in names]
        # A shell inside an allocation has SLURM's variables without being one of srun's processes.
        if all(value.isdigit() for value in values) and (names[0] == "RANK" or "SLURM_STEP_ID" in environment):
            number, world, local = map(int, values)
            if world > 1:
                return Rank(number, world, local, " ".join(environment.get(name, "-") for name in launch))
            break
    return Rank(launch=f"{socket.gethostname()} {process_identity(os.getpid()) or os.getpid()}")


def started(pattern: str) -> str:
    """The time now in strftime's `pattern`: names the folder of a run, which ``ntt.processes.folders`` then claims."""
    return datetime.now().strftime(pattern)
