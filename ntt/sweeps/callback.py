"""Hydra's hook at the start of a sweep with `-m`, whatever its launcher: the points are pinned there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hydra.core.global_hydra import GlobalHydra
from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from ntt.errors import InputError
from ntt.processes.occupancy import is_occupied, occupied
from ntt.processes.own import OWN
from ntt.processes.participation import LOCK
from ntt.processes.ranks import current_rank
from ntt.sweeps.composition import share_composition
from ntt.sweeps.points import assignments, forget, holds_points, pin, read_points

_LOCK = ".sweep.lock"
_WAY_OUT = "wait for the sweep in it, or give this one another folder as hydra.sweep.dir"


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
        root = Path(str(config.hydra.sweep.dir))
        OWN.sweep.enter_context(occupied(root, _LOCK, _WAY_OUT))
        _refuse_running_points(root)
        forget(root)
        if points := assignments(loader, config):
            pin(loader, config, points)

    def on_multirun_end(self, config: DictConfig, **_: Any) -> None:
        """Another sweep may have the folder."""
        del config
        OWN.sweep.close()


def _refuse_running_points(root: Path) -> None:
    """
    Raises:
        InputError: points of an earlier sweep in the folder are running, whose configs would be overwritten.
    """
    if not holds_points(root):
        return
    for point in read_points(root):
        if is_occupied(point.directory, LOCK):
            raise InputError(f"{root} is in use, its point {point.number} is running: {_WAY_OUT}.")
