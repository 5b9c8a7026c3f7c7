"""Hydra's hook at the start of a sweep with `-m`, whatever its launcher: the points are pinned there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hydra.core.global_hydra import GlobalHydra
from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from ntt.processes.ranks import current_rank
from ntt.sweeps.composition import share_composition
from ntt.sweeps.points import assignments, forget, pin


class PinPoints(Callback):
    """Writes `<sweep>/points/`: Hydra itself composes a job's config anew when the job starts."""

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Runs in the driver (the first, of several), before any job.

        A sweeper that chooses its points as it goes has nothing to pin.
        """
        if not current_rank().first:
            return
        loader = GlobalHydra.instance().config_loader()
        share_composition(loader)
        forget(Path(str(config.hydra.sweep.dir)))
        if points := assignments(loader, config):
            pin(loader, config, points)
