"""Experiment tracking: what a run tells an outside service about itself.

A tracker watches; it never decides whether a run succeeds. What goes wrong inside it is one warning.
"""

from __future__ import annotations

import hashlib
import logging
import os
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from numbers import Real
from pathlib import Path
from typing import Any, ClassVar, Protocol

from ntt.compute.home import shortened, without_home
from ntt.errors import InputError
from ntt.foreign.documents import object_or_none
from ntt.reporting.tables import Metrics, class_figures, class_header, evaluated_tasks, task_name
from ntt.store.files import write_json

log = logging.getLogger(__name__)

MODES = ("online", "offline", "disabled")
START_TIMEOUT = 30.0  # seconds for W&B's server to answer at the start
_IDS = "wandb/ntt-run.json"  # in the run's folder
FINISH_TIMEOUT = 120.0  # seconds for the last upload; what is left stays on disk for `wandb sync`


class Tracker(Protocol):
    """Call ``start``, then ``stage``, ``metrics`` and ``pictures`` as results arrive, then ``finish``."""

    def start(self, config: Mapping[str, Any], name: str, group: str, directory: Path, identity: str) -> None:
        """Open the run.

        Args:
            config: the resolved config, plain containers only.
            name: of the run, for people.
            group: of the sweep or experiment it belongs to.
            directory: the run's output folder; the tracker's own files go below it.
            identity: text that a start in the same folder shares exactly when it continues or repeats the run there.
        """

    def stage(self, name: str, seconds: float, info: Mapping[str, Any]) -> None:
        """Report a finished stage: wall time in seconds and whatever else it counts."""

    def metrics(self, metrics: Metrics) -> None:
        """Report the final figures, in the form described in ``ntt.reporting.tables``."""

    def pictures(self, paths: Sequence[Path]) -> None:
        """Show picture files."""

    def finish(self, exit_code: int) -> None:
        """Close the run; 0 is success."""


class NoTracker:
    """``tracking=none``: tells nobody anything."""

    def start(self, config: Mapping[str, Any], name: str, group: str, directory: Path, identity: str) -> None:
        pass

    def stage(self, name: str, seconds: float, info: Mapping[str, Any]) -> None:
        pass

    def metrics(self, metrics: Metrics) -> None:
        pass

    def pictures(self, paths: Sequence[Path]) -> None:
        pass

    def finish(self, exit_code: int) -> None:
        pass


class WandbTracker:
    """``tracking=wandb``: Weights & Biases, one W&B run per run, also when several share the process.

    Args:
        project: W&B project.
        entity: user or team; None for the login's default.
        mode: ``online``, ``offline`` (files only, no login, no network) or ``disabled``.
        group: overrides the group the run is started with.
        name: overrides the name the run is started with.
        tags: labels to filter runs by.
        pictures: how many of the offered pictures are uploaded.

    Raises:
        InputError: ``mode`` is none of the three.
    """

    # The jobs of a sweep would each wait for the timeout: one failed start is believed for the whole process.
    unreachable: ClassVar[bool] = False
    staging: ClassVar[str | None] = None  # the last run's

    def __init__(
        self,
        project: str,
        entity: str | None,
        mode: str,
        group: str | None,
        name: str | None,
        tags: Sequence[str],
        pictures: int,
    ) -> None:
        if mode not in MODES:
            raise InputError(f"tracking.mode is {mode!r}: it must be one of {', '.join(MODES)}.")
        self.project = project
        self.entity = entity
        self.mode = mode
        self.group = group
        self.name = name
        self.tags = list(tags)
        self.picture_count = pictures
        self._run: Any = None  # wandb.Run, None before the start and where that failed
        self._told = False

    def start(self, config: Mapping[str, Any], name: str, group: str, directory: Path, identity: str) -> None:
        if self.mode == "online" and WandbTracker.unreachable:
            log.info("W&B could not be started earlier in this process: this run is not tracked either")
            return
        with self._never_failing("start"):
            # What is staged for upload is beside the rest of the run's: a home may be read-only, or small.
            if os.environ.get("WANDB_DATA_DIR") in (None, WandbTracker.staging):  # else the user chose
                WandbTracker.staging = str(directory.absolute() / "wandb" / "data")
                os.environ["WANDB_DATA_DIR"] = WandbTracker.staging
            import wandb

            # Silent before anything else, or on a terminal wandb asks for a login and the run waits for it.
            wandb.setup(settings=wandb.Settings(silent=True))
            logging.getLogger("wandb").addFilter(_without_home)
            self._run = wandb.init(
                project=self.project,
                entity=self.entity,
                name=self.name or name,
                group=self.group or group,
                job_type="evaluation",
                tags=self.tags,
                config=without_home(dict(config)),
                dir=str(directory),
                mode=self.mode,  # type: ignore[arg-type]
                id=run_id(directory, identity),
                resume="allow" if self.mode == "online" else None,
                reinit="finish_previous",
                settings=wandb.Settings(
                    silent=True,
                    console="off",
                    x_disable_meta=True,  # the command line and folders of this machine
                    init_timeout=START_TIMEOUT,
                    finish_timeout=FINISH_TIMEOUT,
                ),
            )
            if self.mode == "online":
                log.info("W&B: %s", self._run.url)
            elif self.mode == "offline":
                log.info("W&B offline: upload with `wandb sync %s`", Path(self._run.dir).parent)
        if self.mode == "online":
            WandbTracker.unreachable = self._run is None

    def stage(self, name: str, seconds: float, info: Mapping[str, Any]) -> None:
        with self._never_failing(f"stage {name}"):
            if self._run is None:
                return
            figures = {"seconds": seconds, **info}
            self._run.log(
                {
                    f"stages/{name}/{key}": value if isinstance(value, Real) else shortened(str(value))
                    for key, value in figures.items()
                }
            )

    def metrics(self, metrics: Metrics) -> None:
        with self._never_failing("metrics"):
            if self._run is None:
                return
            import wandb

            # Where COCO writes -1 for "no value", a figure is left out and a table cell is empty.
            figures = {
                f"{task_name(metrics, task)}/{key}": value
                for task in evaluated_tasks(metrics)
                for key, value in metrics[task].items()
                if value >= 0
            }
            rows = [
                [name, *(figure if figure >= 0 else None for figure in row)] for name, row in class_figures(metrics)
            ]
            self._run.log(figures)  # alone: a table needs more of the system than figures do
            self._run.log({"per_class": wandb.Table(columns=[*class_header(metrics)], data=rows)})

    def pictures(self, paths: Sequence[Path]) -> None:
        with self._never_failing("pictures"):
            chosen = list(paths)[: self.picture_count]
            if self._run is None or not chosen:
                return
            import wandb

            self._run.log({"overlays": [wandb.Image(str(path), caption=path.stem) for path in chosen]})

    def finish(self, exit_code: int) -> None:
        with self._never_failing("finish"):
            if self._run is not None:
                self._run.finish(exit_code=exit_code)
        self._run = None

    @contextmanager
    def _never_failing(self, what: str) -> Iterator[None]:
        """Turn failures into one warning; what follows is tried all the same, so that the run is closed in the end."""
        try:
            yield
        except Exception as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            if not self._told:
                log.warning("W&B failed at %s (%s): the run goes on, and that is not tracked", what, reason)
            self._told = True


def _without_home(record: logging.LogRecord) -> bool:
    """W&B's own log lists the config as it is told."""
    record.msg, record.args = shortened(record.getMessage()), ()
    return True


def run_id(directory: Path, identity: str) -> str:
    """The run's id at W&B: another one for every run, the same for one that is continued or repeated in its folder.

    Args:
        directory: the run's folder, which keeps the id.
        identity: of the config: a run with another one in the same folder is another run.
    """
    file = directory / _IDS
    digest = hashlib.sha256(identity.encode()).hexdigest()[:16]
    match object_or_none(file):
        case {"config": str(config), "id": str(known)} if config == digest and known.isalnum():
            return known
    fresh = uuid.uuid4().hex[:16]
    write_json(file, {"config": digest, "id": fresh})
    return fresh
