"""A sweep as one SLURM array: a shell script that anybody can read and submit again, and no process that waits."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ntt.errors import InputError
from ntt.sweeps.points import Point, override_value

_FOLDER = "slurm"
_REPORT_MINUTES = 30
# Keys of conf/hydra/launcher/slurm.yaml that sbatch knows under another name; those with the same name are in _SAME.
_NAMES = {"timeout_min": "time", "tasks_per_node": "ntasks-per-node", "name": "job-name"}
_SAME = (
    *("partition", "account", "qos", "constraint", "exclude", "comment", "nodes", "gpus_per_node", "gpus_per_task"),
    *("gres", "cpus_per_task", "cpus_per_gpu", "mem_per_gpu", "mem_per_cpu"),
)
_REPORT_KEYS = ("partition", "account", "qos", "constraint", "exclude")
# A trap interrupts `wait`, hence the loop: the batch shell ends when the processes have ended.
_BODY = """
requeue() {{
  interrupted=yes
  if [ "${{SLURM_RESTART_COUNT:-0}}" -ge {requeues} ]; then
    echo "ntt: not requeued any more: this was restart ${{SLURM_RESTART_COUNT:-0}} of {requeues}"
    return
  fi
  echo "ntt: told to leave, back in the queue"
  scontrol requeue "$SLURM_JOB_ID"
}}
trap requeue USR2

# A process that ends early leaves its share to the others; the job fails when any of them failed.
srun --kill-on-bad-exit=0 --output={logs} {python} -m ntt.run --config-path {points} \\
  --config-name "$SLURM_ARRAY_TASK_ID" "hydra.run.dir=${{directories[$SLURM_ARRAY_TASK_ID]}}" &
job=$!
while true; do
  interrupted=
  wait $job
  code=$?
  [ -z "$interrupted" ] && exit $code
done
"""


def submit(points: Sequence[Point], sweep: Path, settings: Mapping[str, Any], cwd: Path) -> tuple[str, str]:
    """Submit one array task per point, and a job after them that writes the sweep's report.

    Args:
        points: to run.
        sweep: the sweep's folder: scripts and logs go to its folder `slurm`.
        settings: the launcher's, as in conf/hydra/launcher/slurm.yaml.
        cwd: where the run's relative paths count from.

    Returns:
        SLURM's ids of the array and of the report's job.

    Raises:
        InputError: there is no sbatch here, or it refuses the jobs.
    """
    folder = (sweep / _FOLDER).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    script = folder / "sweep.sbatch"
    script.write_text(array_script(points, folder, settings))
    array = _sbatch([f"--chdir={cwd}", str(script)])
    report = folder / "report.sbatch"
    report.write_text(report_script(sweep.absolute(), folder, settings))
    # afterany: the report marks what failed, so it is written in any case.
    return array, _sbatch([f"--chdir={cwd}", f"--dependency=afterany:{array}", str(report)])


def array_script(points: Sequence[Point], folder: Path, settings: Mapping[str, Any]) -> str:
    """The script of the points' array; `folder` takes the logs."""
    numbers = ",".join(str(point.number) for point in points)
    options = {
        **_options(settings, (*_NAMES, *_SAME)),
        **({"mem": f"{settings['mem_gb']}G"} if settings.get("mem_gb") else {}),
        "array": f"{numbers}%{settings.get('array_parallelism') or len(points)}",
        "signal": f"B:USR2@{settings.get('signal_delay_s', 120)}",
        "output": f"{_literally(folder)}/%A_%a.log",
        "open-mode": "append",
        **(settings.get("additional_parameters") or {}),
    }
    directories = " ".join(f"[{point.number}]={shlex.quote(override_value(point.directory))}" for point in points)
    body = _BODY.format(
        logs=shlex.quote(f"{_literally(folder)}/%A_%a_rank%t.log"),
        requeues=int(settings.get("max_num_timeout") or 0),
        python=shlex.quote(sys.executable),
        points=shlex.quote(str(points[0].file.parent.absolute())),
    )
    return _script(options, [*(settings.get("setup") or []), f"directories=({directories})"], body)


def report_script(sweep: Path, folder: Path, settings: Mapping[str, Any]) -> str:
    """The script of the job that reduces the finished points to tables; `folder` takes its log."""
    options = {
        **_options(settings, _REPORT_KEYS),
        "job-name": f"{settings.get('name', 'ntt')}-report",
        "time": str(_REPORT_MINUTES),
        "output": f"{_literally(folder)}/report_%j.log",
    }
    command = f"exec {shlex.quote(sys.executable)} -m ntt.run report {shlex.quote(str(sweep))}\n"
    return _script(options, settings.get("setup") or [], command)


def _options(settings: Mapping[str, Any], keys: Sequence[str]) -> dict[str, str]:
    named = {_NAMES.get(key, key.replace("_", "-")): settings.get(key) for key in keys}
    return {name: str(value) for name, value in named.items() if value is not None}


def _literally(folder: Path) -> str:
    """A folder in the name of a log, where SLURM takes % for the beginning of a number and \\ for its end."""
    if "\\" in str(folder):
        raise InputError(f"{folder} has a backslash, which SLURM takes out of names of logs: set hydra.sweep.dir.")
    return str(folder).replace("%", "%%")


def _script(options: Mapping[str, Any], setup: Sequence[str], body: str) -> str:
    flags = [
        f"#SBATCH --{key.replace('_', '-')}" + ("" if value is True else f"={shlex.quote(str(value))}")
        for key, value in options.items()
        if value is not None and value is not False
    ]
    return "\n".join(["#!/bin/bash", *flags, "", *setup, body])


def _sbatch(arguments: Sequence[str]) -> str:
    if shutil.which("sbatch") is None:
        raise InputError(
            "There is no sbatch here: submit from a login node of the cluster, or run the sweep on this machine with "
            "hydra/launcher=local_parallel."
        )
    done = subprocess.run(["sbatch", "--parsable", *arguments], capture_output=True, text=True, check=False)
    identity = re.match(r"\d+", done.stdout)
    if done.returncode or not identity:
        said = (done.stderr or done.stdout).strip().replace("\n", "; ")
        raise InputError(f"sbatch refused {arguments[-1]} ({said}): change hydra.launcher.* and submit again.")
    return identity.group()
