"""Which of a run's processes this is.

`torchrun` and SLURM start several processes of one run and tell each its number. The processes need not talk: they
share the proposals through the store's leases. The first one (rank 0) alone matches, evaluates and reports.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path


@dataclass(frozen=True)
class Rank:
    """This process among the processes of its run.

    Attributes:
        number: 0 to `world - 1`.
        world: how many processes were started.
        local: its number on this host, which picks its GPU.
    """

    number: int = 0
    world: int = 1
    local: int = 0

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


# (number, world, local) as torchrun, and as SLURM's srun tells them.
_VARIABLES = (("RANK", "WORLD_SIZE", "LOCAL_RANK"), ("SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID"))


def current_rank() -> Rank:
    """Read it from the environment; a process that was started alone is rank 0 of 1."""
    for names in _VARIABLES:
        values = [os.environ.get(name, "") for name in names]
        # A shell inside an allocation has SLURM's variables without being one of srun's processes.
        if all(value.isdigit() for value in values) and (names[0] == "RANK" or "SLURM_STEP_ID" in os.environ):
            number, world, local = map(int, values)
            return Rank(number, world, local)
    return Rank()


def started(pattern: str) -> str:
    """When the run started, in strftime's `pattern`: the same for all processes that one torchrun started."""
    process = os.getppid() if "TORCHELASTIC_RUN_ID" in os.environ else os.getpid()
    try:
        ticks = int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[19])
        booted = next(line for line in Path("/proc/stat").read_text().splitlines() if line.startswith("btime"))
        return datetime.fromtimestamp(int(booted.split()[1]) + ticks // os.sysconf("SC_CLK_TCK")).strftime(pattern)
    except (OSError, ValueError, StopIteration):
        return datetime.fromtimestamp(time.time()).strftime(pattern)
