"""Submit a sweep and leave, look after it, resume it."""

from __future__ import annotations

import logging
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from omegaconf import OmegaConf

from ntt.cluster import sbatch
from ntt.cluster.drivers import announce, driving
from ntt.cluster.local import log_outcome, plan_slots, run_points, visible_gpus
from ntt.cluster.status import read_status
from ntt.cluster.submissions import Submission, add_submission
from ntt.config import read_config
from ntt.errors import InputError
from ntt.foreign.documents import read_yaml
from ntt.foreign.parsing import parsing
from ntt.stages.inputs import check_files, check_weights
from ntt.sweeps.claims import claim
from ntt.sweeps.composition import share_composition
from ntt.sweeps.points import Point, assignments, pin, read_points

log = logging.getLogger(__name__)
LAUNCHERS = ("slurm", "local_parallel")
_MULTIRUN = "multirun.yaml"


def compose_sweep(overrides: Sequence[str], conf: Path) -> Path:
    """Compose, validate and pin the points of a new sweep; returns its folder.

    Args:
        overrides: as of a run with -m; without `hydra/launcher=`, slurm where there is sbatch, else local_parallel.
        conf: folder of the Hydra configs.

    Raises:
        InputError: an option or a file of any point cannot be used.
    """
    wanted = list(overrides)
    if not any(override.startswith("hydra/launcher=") for override in wanted):
        wanted.append(f"hydra/launcher={'slurm' if shutil.which('sbatch') else 'local_parallel'}")
    with initialize_config_dir(str(conf), job_name="ntt", version_base="1.3"):
        loader = GlobalHydra.instance().config_loader()
        sweep = loader.load_configuration("config", wanted, run_mode=RunMode.MULTIRUN)
        if sweep.hydra.runtime.choices["hydra/launcher"] not in LAUNCHERS:
            raise InputError(f"`ntt sweep` knows hydra/launcher={' and '.join(LAUNCHERS)}: run others with -m.")
        points = assignments(loader, sweep)
        if not points:
            raise InputError("`ntt sweep` takes fixed values (shots=1,5): run a sweeper that chooses them with -m.")
        claim(sweep, "sweep")
        root = Path(str(sweep.hydra.sweep.dir))
        if (root / _MULTIRUN).exists():
            raise InputError(f"{root} holds a sweep: resume it, or set hydra.sweep.dir to another folder.")
        share_composition(loader)
        pinned = pin(loader, sweep, points)
        for point in pinned:
            config = read_config(OmegaConf.create(point.config()))
            check_files(config)
            check_weights(config)
        OmegaConf.save(sweep, root / _MULTIRUN)  # as Hydra does for -m
    return root


def submit_points(root: Path, points: Sequence[Point]) -> Submission:
    """Hand points of the pinned sweep in `root` to its launcher and return at once."""
    launcher, settings, cwd = _launcher(root)
    report = ""
    if launcher == "slurm":
        job, report = sbatch.submit(points, root, settings, cwd)
    else:
        job = str(_detach(root, points, cwd))
    submission = Submission(launcher, job, report, [p.number for p in points], socket.gethostname())
    add_submission(root, submission)
    return submission


def missing_points(root: Path) -> list[Point]:
    """The points that are not done, and that nobody takes care of."""
    return [one.point for one in read_status(root) if one.state not in ("done", "queued", "running")]


def resume(root: Path) -> Submission | None:
    """Submit what is missing; None when nothing is."""
    points = missing_points(root)
    if not points:
        return None
    for point in points:
        # Who failed in an earlier attempt need not take part in this one.
        shutil.rmtree(point.directory / "ranks", ignore_errors=True)
    return submit_points(root, points)


def run_here(root: Path, numbers: Collection[int] | None = None) -> int:
    """Run points on this machine, wait for them, and write the report; returns an exit code.

    Args:
        root: the sweep's folder.
        numbers: of the points; None: those that are not done and that nobody takes care of.
    """
    launcher, settings, cwd = _launcher(root)
    jobs = settings.get("n_jobs") if launcher == "local_parallel" else None
    chosen = read_points(root) if numbers is not None else missing_points(root)
    points = [point for point in chosen if numbers is None or point.number in numbers]
    with driving(root):
        codes = run_points(points, plan_slots(jobs, visible_gpus()), log_outcome, cwd)
        report = [sys.executable, "-m", "ntt.run", "report", str(root.absolute())]
        reported = subprocess.run(report, cwd=cwd, check=False).returncode
    return 1 if any(codes.values()) or reported else 0


def _detach(root: Path, points: Sequence[Point], cwd: Path) -> int:
    """Start `ntt sweep run` so that it outlives this process and its terminal; returns its process id."""
    numbers = ",".join(str(point.number) for point in points)
    with (root / "sweep.log").open("ab") as output:
        process = subprocess.Popen(
            [*(sys.executable, "-m", "ntt.run", "sweep", "run", str(root.absolute())), "--points", numbers],
            cwd=cwd,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    announce(root, process.pid)
    process.returncode = 0  # it is meant to go on: no warning about a child that was left
    return process.pid


def _launcher(root: Path) -> tuple[str, dict[str, Any], Path]:
    """Name and settings of the sweep's launcher, and where its relative paths count from."""
    sweep = read_yaml(root / _MULTIRUN, "give the folder of a sweep")
    with parsing(
        lambda reason: InputError(f"{root / _MULTIRUN} is no sweep's ({reason}): give the folder of a sweep.")
    ):
        name = sweep.hydra.runtime.choices["hydra/launcher"]
        launcher = sweep.hydra.launcher
        for key in ("submitit_folder", "name"):  # they refer to what only Hydra can resolve
            launcher.pop(key, None)
        settings = OmegaConf.to_container(launcher, resolve=True)
        assert isinstance(settings, dict)
        settings["name"] = f"ntt-{sweep.name}"
        known = name if name in LAUNCHERS else "local_parallel"
        return known, {str(key): value for key, value in settings.items()}, Path(sweep.hydra.runtime.cwd)
