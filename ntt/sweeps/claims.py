"""Hydra's hook before a run or a sweep: folders named by the time of the start are claimed there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hydra.core.utils import JobStatus
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf, flag_override

from ntt.processes.folders import claim_folder, forget_note
from ntt.processes.ranks import current_rank
from ntt.sweeps.points import override_value

_BY_TIME = "${started:"


class ClaimFolder(Callback):
    """Puts the claimed folder in the place of the wanted one, before Hydra makes anything in it.

    A folder that is named in full (`hydra.run.dir=FOLDER`) is left as it is: that is how a run is continued.
    """

    def __init__(self) -> None:
        self._notes: Path | None = None

    def on_run_start(self, config: DictConfig, **_: Any) -> None:
        """Before a single run."""
        self._notes = claim(config, "run")

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Before a sweep. Hydra composes its jobs anew, hence also among the overrides."""
        self._notes = claim(config, "sweep")

    def on_run_end(self, config: DictConfig, **more: Any) -> None:
        """The first process waited for the others, unless something failed."""
        del config
        if more["job_return"].status == JobStatus.COMPLETED:
            self._forget()

    def on_multirun_end(self, config: DictConfig, **_: Any) -> None:
        """As :meth:`on_run_end`."""
        del config
        self._forget()

    def _forget(self) -> None:
        if self._notes and current_rank().first:
            forget_note(self._notes, current_rank())


def claim(config: DictConfig, kind: str) -> Path | None:
    """Claim the folder of a run or a sweep where it is named by the time; returns where the processes agreed on it.

    Args:
        config: as composed; changed in place.
        kind: `run` or `sweep`.
    """
    node = config.hydra[kind]
    template = str(OmegaConf.to_container(node, resolve=False)["dir"])  # type: ignore[index,call-overload]
    if _BY_TIME not in template:
        return None
    wanted = Path(str(node.dir))
    with flag_override(config, ["struct", "readonly"], False):
        node.dir = template[: template.index(_BY_TIME)].rpartition("/")[0] or "."
        notes = Path(str(node.dir)).absolute()
        node.dir = _literally(claim_folder(wanted, notes, current_rank()))
        if kind == "sweep":
            config.hydra.overrides.hydra.append(f"hydra.sweep.dir={override_value(Path(str(node.dir)))}")
    return notes


def _literally(path: Path) -> str:
    """For OmegaConf, to which `${` begins an interpolation."""
    return str(path).replace("${", "\\${")
